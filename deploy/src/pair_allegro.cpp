// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#include "pair_allegro.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "kernel.h"
#include "memory.h"
#include "model_store.h"
#include "neighbor.h"
#include "update.h"
#include "utils.h"

using namespace LAMMPS_NS;
using rm_lammps::Metadata;
using rm_lammps::Target;

namespace {

constexpr size_t default_block_cpu = 2000;       // edges: their features fit into the cache
constexpr size_t default_block_gpu = 400000;    // enough work for every core, bounded memory
constexpr const char *target_names[] = {"native", "edges", "positions"};
constexpr const char *block_variable = "RM_LAMMPS_BLOCK";
constexpr const char *gpu_variable = "RM_LAMMPS_GPU";

}    // namespace

PairAllegro::PairAllegro(LAMMPS *lmp) : Pair(lmp)
{
  restartinfo = 0;
  one_coeff = 1;
  manybody_flag = 1;
  single_enable = 0;
  centroidstressflag = CENTROID_AVAIL;
  unit_convert_flag = utils::get_supported_conversions(utils::ENERGY);
}

PairAllegro::~PairAllegro()
{
  if (!allocated) return;
  memory->destroy(setflag);
  memory->destroy(cutsq);
}

void PairAllegro::allocate()
{
  allocated = 1;
  const int n = atom->ntypes + 1;
  memory->create(setflag, n, n, "pair:setflag");
  memory->create(cutsq, n, n, "pair:cutsq");
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) setflag[i][j] = 0;
}

// ---- settings: the pair_style command

void PairAllegro::read_block_size(const char *text)
{
  if (std::strcmp(text, "all") == 0) {
    block_edges = unlimited;
    return;
  }
  const bigint edges = utils::bnumeric(FLERR, text, false, lmp);
  if (edges < 1 || static_cast<size_t>(edges) > rm_lammps::largest_block)
    error->all(FLERR, "Pair style allegro: block must be 1 to " +
                          std::to_string(rm_lammps::largest_block) + " edges, or all, not " + text);
  block_edges = static_cast<size_t>(edges);
}

void PairAllegro::read_gpu(const char *text)
{
  gpu = utils::inumeric(FLERR, text, false, lmp);
  if (gpu < 0)
    error->all(FLERR, std::string("Pair style allegro: gpu must be 0 or more, not ") + text +
                          "; without it, ranks spread over the GPUs of their node");
}

void PairAllegro::settings(int narg, char **arg)
{
  const std::string units = update->unit_style;
  if (units == "metal")
    energy_unit = 1.0;
  else if (units == "real")
    energy_unit = utils::get_conversion_factor(utils::ENERGY, utils::METAL2REAL);
  else
    error->all(FLERR,
               "Pair style allegro knows units metal and real, not " + units +
                   ": put 'units metal' at the start of the script");

  block_edges = 0;
  gpu = -1;
  zero_isolated = false;
  wished.clear();
  if (const char *text = std::getenv(block_variable)) read_block_size(text);
  if (const char *text = std::getenv(gpu_variable)) read_gpu(text);
  for (int i = 0; i < narg; i += 2) {
    const std::string key = arg[i];
    if (i + 1 >= narg) error->all(FLERR, "Pair style allegro: a value is missing after " + key);
    const std::string value = arg[i + 1];
    if (key == "block")
      read_block_size(arg[i + 1]);
    else if (key == "gpu")
      read_gpu(arg[i + 1]);
    else if (key == "isolated" && (value == "zero" || value == "model"))
      zero_isolated = value == "zero";
    else if (key == "target" && std::count(target_names, target_names + 3, value))
      wished = value;
    else
      error->all(FLERR,
                 "Pair style allegro: unknown setting '" + key + " " + value +
                     "'; known are: block N|all, gpu N, isolated model|zero, target "
                     "native|edges|positions");
  }
}

// ---- coeff: the pair_coeff command

// Every rank of the world calls this: one rank's problem becomes the error of all.
void PairAllegro::collective(std::string problem)
{
  int mine = problem.empty() ? 0 : comm->me + 1, any = mine;
  if (comm->nprocs > 1) MPI_Allreduce(&mine, &any, 1, MPI_INT, MPI_MAX, world);
  if (!any) return;
  int length = static_cast<int>(problem.size());
  MPI_Bcast(&length, 1, MPI_INT, any - 1, world);
  problem.resize(length);
  MPI_Bcast(problem.data(), length, MPI_CHAR, any - 1, world);
  fault.clear();
  error->all(FLERR, Error::NOLASTLINE, problem);
}

void PairAllegro::map_types(const Metadata &metadata, const std::string &file, char **names)
{
  model_types.assign(atom->ntypes + 1, -1);
  std::string known;
  for (const auto &name : metadata.type_names) known += " " + name;
  for (int type = 1; type <= atom->ntypes; ++type) {
    const std::string name = names[type - 1];
    if (name == "NULL") continue;
    const auto &all = metadata.type_names;
    const auto found = std::find(all.begin(), all.end(), name);
    if (found == all.end())
      error->all(FLERR,
                 "Pair style allegro: the model " + file + " does not know " + name +
                     " (atom type " + std::to_string(type) + "); it knows:" + known);
    model_types[type] = static_cast<int>(found - all.begin());
  }
  int mapped = 0;
  for (int i = 1; i <= atom->ntypes; ++i)
    for (int j = i; j <= atom->ntypes; ++j) {
      setflag[i][j] = setflag[j][i] = model_types[i] >= 0 && model_types[j] >= 0;
      mapped += setflag[i][j];
    }
  if (!mapped) error->all(FLERR, "Pair style allegro: pair_coeff names no element, only NULL");
}

void PairAllegro::coeff(int narg, char **arg)
{
  if (!allocated) allocate();
  if (narg < 3 || std::strcmp(arg[0], "*") != 0 || std::strcmp(arg[1], "*") != 0)
    error->all(FLERR, "Pair style allegro expects: pair_coeff * * FILE.allegro|FILE.nequip.pt2 element ...");
  if (narg != 3 + atom->ntypes)
    error->all(FLERR,
               "Pair style allegro: " + std::to_string(narg - 3) + " elements given, but there are " +
                   std::to_string(atom->ntypes) +
                   " atom types; name one element (or NULL) for each type");
  std::string file = arg[2];
  if (!platform::file_is_readable(file)) {
    const auto elsewhere = utils::get_potential_file_path(file);
    if (!elsewhere.empty()) file = elsewhere;
  }
  load_model(file);
  map_types(model->metadata(), file, arg + 3);
  take_off_isolated();
  announce(file);
}

void PairAllegro::load_model(const std::string &file)
{
  std::string problem;
  Metadata metadata;
  try {
    metadata = rm_lammps::shared_metadata(file);
  } catch (const std::exception &failure) {
    problem = failure.what();
  }
  collective(problem);
  // node-local folders may hold different files: ranks that go different ways wait for ever
  const int here = metadata.device != "cpu";
  int any = 0;
  MPI_Allreduce(&here, &any, 1, MPI_INT, MPI_MAX, world);
  if (here != any) problem = "Pair style allegro: ranks found different files named " + file;
  collective(problem);
  const int device = here ? choose_gpu() : -1;
  try {
    model = rm_lammps::shared_model(file, device, comm->nthreads);
    target = metadata.targets.front();
    for (const auto known : {Target::native, Target::edges, Target::positions})
      if (wished == target_names[static_cast<int>(known)]) target = known;
    if (!metadata.has(target))
      throw rm_lammps::ModelError("Pair style allegro: " + file + " holds no target " + wished +
                                  "; remove it from pair_style, and the best will be chosen");
    model->load(target);
  } catch (const std::exception &failure) {
    problem = failure.what();
  }
  collective(problem);
  if (block_edges == 0) block_edges = device < 0 ? default_block_cpu : default_block_gpu;
  centroidstressflag = target == Target::positions ? CENTROID_NOTAVAIL : CENTROID_AVAIL;
}

// What an atom without neighbours has of its own, so that it can be taken off.
void PairAllegro::take_off_isolated()
{
  isolated.clear();
  if (!zero_isolated) return;
  std::string problem;
  try {
    std::vector<double> energies(model->metadata().ntypes(), 0.0);
    for (const int type : model_types)
      if (type >= 0) energies[type] = isolated_energy(type);
    isolated = energies;
  } catch (const std::exception &failure) {
    problem = failure.what();
  }
  collective(problem);
}

double PairAllegro::isolated_energy(int model_type)
{
  const double origin[3] = {0.0, 0.0, 0.0};
  const double *x[] = {origin};
  const int type = 0, centre = 0, none = 0;
  const int *neighbours[] = {&none};
  rm_lammps::Atoms alone;
  alone.x = x;
  alone.type = &type;
  alone.model_type = &model_type;
  alone.total = alone.ncentres = 1;
  alone.centres = &centre;
  alone.nneighbours = &none;
  alone.neighbours = neighbours;
  const std::lock_guard<std::mutex> lock(model->mutex());
  if (target == Target::native) {
    double energy;
    const size_t first[2] = {0, 0};
    model->native().evaluate({1, &model_type, first, nullptr, nullptr}, &energy, nullptr);
    return energy;
  }
  const std::vector<int> rows = {0};
  near.gather(alone, model->metadata(), 0, 1);
  if (target == Target::edges) {
    rm_lammps::fill_edges(alone, near, rows, model->metadata(), block);
    model->graphs().evaluate_edges(block, result);
  } else {
    positions.fill(alone, near, rows, model->metadata().r_max, block);
    model->graphs().evaluate_positions(block, result);
  }
  return result.energies[0];
}

// Rank of this process on its node. The launcher knows it best: with several LAMMPS instances on
// sub-communicators, ranks in the world of one instance would all start at GPU 0.
int PairAllegro::local_rank()
{
  for (const char *name : {"SLURM_LOCALID", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID",
                           "PMI_LOCAL_RANK", "PALS_LOCAL_RANKID"})
    if (const char *text = std::getenv(name)) return std::atoi(text);
  MPI_Comm node;
  MPI_Comm_split_type(world, MPI_COMM_TYPE_SHARED, comm->me, MPI_INFO_NULL, &node);
  int rank = 0;
  MPI_Comm_rank(node, &rank);
  MPI_Comm_free(&node);
  return rank;
}

int PairAllegro::choose_gpu()
{
  const int rank = local_rank();    // collective
  const int count = rm_lammps::graph_library().gpus();
  std::string problem;
  if (count == 0)
    problem = std::string("Pair style allegro: the model was compiled for a GPU, but torch ") +
        rm_lammps::graph_library().torch_version +
        " finds none on this node; compile it for cpu, or use a node with GPUs and a torch "
        "with CUDA";
  else if (gpu >= count)
    problem = "Pair style allegro: gpu " + std::to_string(gpu) + " was asked for, but there are " +
        std::to_string(count) + " (0 to " + std::to_string(count - 1) + ")";
  collective(problem);
  return gpu >= 0 ? gpu : rank % count;
}

void PairAllegro::announce(const std::string &file)
{
  if (comm->me != 0) return;
  const auto &metadata = model->metadata();
  std::string text = "Allegro model " + file + ": cutoff " + std::to_string(metadata.r_max) + ", ";
  text += std::string("target ") + target_names[static_cast<int>(target)];
  if (target == Target::native)
    text += " for " + rm_lammps::kernel_cpu() + "\n";
  else if (model->device_index() < 0)
    text += " on CPU\n";
  else
    text += " on GPU " + std::to_string(model->device_index()) + " (rank 0), ranks spread over " +
        std::to_string(rm_lammps::graph_library().gpus()) + " GPUs of each node\n";
  utils::logmesg(lmp, text);
}

// ---- init

void PairAllegro::init_style()
{
  if (!model) error->all(FLERR, "Pair style allegro: there is no pair_coeff with a model");
  if (force->newton_pair == 0)
    error->all(FLERR,
               "Pair style allegro needs newton pair on: an atom's forces act on atoms of other "
               "ranks. Remove 'newton off' from the script");
  check_special_bonds();
  neighbor->add_request(this, NeighConst::REQ_FULL);
}

// LAMMPS removes neighbours whose factors are zero, unless a kspace style needs them.
void PairAllegro::check_special_bonds()
{
  if (atom->molecular == Atom::ATOMIC || force->kspace) return;
  bool removed[4] = {};
  for (int kind = 1; kind <= 3; ++kind)
    removed[kind] = force->special_lj[kind] == 0.0 && force->special_coul[kind] == 0.0;
  int lost = 0, anywhere = 0;
  if (atom->nspecial)
    for (int i = 0; i < atom->nlocal && !lost; ++i) {
      if (model_types[atom->type[i]] < 0) continue;
      for (int kind = 1, before = 0; kind <= 3; ++kind) {
        lost |= removed[kind] && atom->nspecial[i][kind - 1] > before;
        before = atom->nspecial[i][kind - 1];
      }
    }
  // templates of molecules keep their bonds elsewhere
  if (atom->molecular == Atom::TEMPLATE) lost = removed[1] || removed[2] || removed[3];
  MPI_Allreduce(&lost, &anywhere, 1, MPI_INT, MPI_MAX, world);
  if (anywhere && comm->me == 0)
    error->warning(FLERR,
                   "Pair style allegro: special_bonds removes bonded atoms from the neighbour "
                   "list. If the model is to see them, use 'special_bonds lj/coul 1 1 1'");
}

double PairAllegro::init_one(int i, int j)
{
  const int a = model_types[i], b = model_types[j];
  if (a < 0 || b < 0) return 0.0;
  return std::max(model->metadata().cutoff(a, b), model->metadata().cutoff(b, a));
}

void *PairAllegro::extract(const char *name, int &dim)
{
  dim = 0;
  return strcmp(name, "evaluations") == 0 ? &evaluations : nullptr;
}

double PairAllegro::memory_usage()
{
  return Pair::memory_usage() + sizeof(double) * (block.positions.size() + result.forces.size()) +
      sizeof(int64_t) * (block.edge_index.size() + block.edge_types.size()) +
      sizeof(float) * block.vectors.size() +
      (target == Target::native ? model->native().memory() : 0.0);
}

extern "C" __attribute__((visibility("default"))) void *rm_lammps_create_pair_allegro(void *lmp)
{
  return static_cast<Pair *>(new PairAllegro(static_cast<LAMMPS *>(lmp)));
}
