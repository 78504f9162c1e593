// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

// The part of the plugin that is linked to torch.

#include "graphs.h"

#include <ATen/Parallel.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/cuda.h>
#include <torch/headeronly/version.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <sstream>
#include <unordered_map>

namespace rm_lammps {

namespace {

constexpr const char *positions_target = "model";    // the name nequip's own tools look for
constexpr const char *edge_target = "edge";

using Entries = std::unordered_map<std::string, std::string>;

std::vector<std::string> words(const std::string &text)
{
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

// torch's messages carry a C++ stack trace that tells a LAMMPS user nothing
std::string first_line(const std::exception &error)
{
  const std::string text = error.what();
  return text.substr(0, text.find('\n'));
}

std::string entry(const Entries &entries, const std::string &name, const std::string &path)
{
  const auto found = entries.find(name);
  if (found == entries.end())
    throw ModelError(path + " says nothing about its '" + name +
                     "': compile it with rm-deploy, or nequip-compile --target pair_allegro");
  return found->second;
}

Entries package_entries(const std::string &path, const char *target)
{
  return torch::inductor::AOTIModelPackageLoader::load_metadata_from_package(path, target);
}

void check_target(const Entries &entries, const std::string &path)
{
  const auto inputs = entries.find("nequip_aoti_inputs");
  if (inputs == entries.end() || words(inputs->second).size() == 3) return;
  throw ModelError(path + " was compiled for another program (its inputs are: " + inputs->second +
                   "); compile it with rm-deploy, or nequip-compile --target pair_allegro");
}

void check_torch(const Entries &entries, const std::string &path)
{
  const auto version = entries.find("torch_version");
  if (version == entries.end() || version->second == RM_TORCH_VERSION) return;
  throw ModelError(path + " was compiled with torch " + version->second +
                   ", but the plugin is built with torch " RM_TORCH_VERSION
                   ": compile the model again in this environment (rm-deploy)");
}

std::vector<double> read_cutoffs(const Entries &entries, double r_max, size_t ntypes)
{
  std::vector<double> cutoffs(ntypes * ntypes, r_max);
  const auto found = entries.find("per_edge_type_cutoff");
  if (found == entries.end()) return cutoffs;
  const auto values = words(found->second);
  if (values.size() != cutoffs.size()) throw ModelError("cutoffs for each pair of types expected");
  std::transform(values.begin(), values.end(), cutoffs.begin(),
                 [](const std::string &value) { return std::stod(value); });
  return cutoffs;
}

// torch never writes to inputs, but from_blob takes a pointer to non-const
template <typename T>
at::Tensor view(const std::vector<T> &values, at::IntArrayRef shape, at::ScalarType type)
{
  return at::from_blob(const_cast<T *>(values.data()), shape, at::TensorOptions().dtype(type));
}

void copy_doubles(const at::Tensor &tensor, double *target)
{
  const auto values = tensor.to(at::kCPU, at::kDouble).contiguous();
  std::memcpy(target, values.data_ptr<double>(), values.numel() * sizeof(double));
}

Metadata read_graph_metadata(const std::string &path)
{
  Metadata metadata;
  Entries entries;
  try {
    entries = package_entries(path, positions_target);
  } catch (const std::exception &error) {
    throw ModelError(path + " is no model (" + first_line(error) +
                     "): make one with rm-deploy, or nequip-compile --target pair_allegro");
  }
  check_target(entries, path);
  check_torch(entries, path);
  metadata.type_names = words(entry(entries, "type_names", path));
  metadata.r_max = std::stod(entry(entries, "r_max", path));
  metadata.cutoffs = read_cutoffs(entries, metadata.r_max, metadata.type_names.size());
  metadata.device = entry(entries, "AOTI_DEVICE_KEY", path);
  const auto edges = entries.find("rm_edge_dtype");
  if (edges != entries.end()) metadata.targets.push_back(Target::edges);
  metadata.targets.push_back(Target::positions);
  metadata.edge_double = edges != entries.end() && edges->second == "float64";
  return metadata;
}

class CompiledGraphs final : public Graphs {
 public:
  CompiledGraphs(const std::string &path, const Metadata &metadata, int device_index);

  void load(Target target) override;
  void evaluate_positions(const Block &block, BlockResult &result) override;
  void evaluate_edges(const Block &block, BlockResult &result) override;

 private:
  using Loader = torch::inductor::AOTIModelPackageLoader;
  Loader &loader(const char *name, std::unique_ptr<Loader> &slot);
  std::vector<at::Tensor> run(Loader &loader, std::vector<at::Tensor> inputs);

  std::string path_;
  bool edge_double_;
  at::Device device_;
  std::unique_ptr<Loader> positions_, edges_;
};

CompiledGraphs::CompiledGraphs(const std::string &path, const Metadata &metadata,
                               int device_index) :
    path_(path), edge_double_(metadata.edge_double),
    device_(device_index < 0 ? at::Device(at::kCPU) : at::Device(metadata.device))
{
  if (device_index >= 0) device_.set_index(static_cast<c10::DeviceIndex>(device_index));
}

void CompiledGraphs::load(Target target)
{
  if (target == Target::edges) loader(edge_target, edges_);
  if (target == Target::positions) loader(positions_target, positions_);
}

CompiledGraphs::Loader &CompiledGraphs::loader(const char *name, std::unique_ptr<Loader> &slot)
{
  if (slot) return *slot;
  c10::OptionalDeviceGuard guard;
  if (device_.type() != at::kCPU) guard.reset_device(device_);
  try {
    slot = std::make_unique<Loader>(path_, name, false, 1,
                                    device_.index());
  } catch (const std::exception &error) {
    throw ModelError(path_ + " could not be loaded (" + first_line(error) +
                     "). Compiled models run only with the torch " RM_TORCH_VERSION
                     " and on the kind of CPU or GPU they were compiled for: compile it again "
                     "here (rm-deploy)");
  }
  return *slot;
}

std::vector<at::Tensor> CompiledGraphs::run(Loader &loader, std::vector<at::Tensor> inputs)
{
  const c10::InferenceMode inference;
  // the runner works on the current stream, which must be one of the model's GPU
  c10::OptionalDeviceGuard guard;
  if (device_.type() != at::kCPU) {
    guard.reset_device(device_);
    for (auto &input : inputs) input = input.to(device_);
  }
  try {
    return loader.boxed_run(std::move(inputs));
  } catch (const std::exception &error) {
    throw ModelError("Evaluating " + path_ + " failed: " + first_line(error));
  }
}

void CompiledGraphs::evaluate_positions(const Block &block, BlockResult &result)
{
  const auto nodes = static_cast<int64_t>(block.node_types.size());
  const auto edges = static_cast<int64_t>(block.edge_index.size() / 2);
  auto outputs = run(loader(positions_target, positions_),
                     {view(block.positions, {nodes, 3}, at::kDouble),
                      view(block.edge_index, {2, edges}, at::kLong),
                      view(block.node_types, {nodes}, at::kLong)});
  result.energies.resize(nodes);
  result.forces.resize(3 * nodes);
  copy_doubles(outputs.at(0), result.energies.data());
  copy_doubles(outputs.at(1), result.forces.data());
  copy_doubles(outputs.at(2), result.virial);
}

void CompiledGraphs::evaluate_edges(const Block &block, BlockResult &result)
{
  const int64_t rows = block.rows, width = block.width;
  const auto vectors = edge_double_
      ? view(block.vectors_double, {rows, width, 3}, at::kDouble)
      : view(block.vectors, {rows, width, 3}, at::kFloat);
  auto outputs = run(loader(edge_target, edges_),
                     {vectors, view(block.centre_types, {rows}, at::kLong),
                      view(block.edge_types, {rows, width}, at::kLong)});
  result.energies.resize(rows);
  copy_doubles(outputs.at(0), result.energies.data());
  auto gradients = outputs.at(1).to(at::kCPU).contiguous();
  if (edge_double_)
    result.gradients_double = gradients.data_ptr<double>();
  else
    result.gradients = gradients.data_ptr<float>();
  result.kept = std::make_shared<at::Tensor>(gradients);
}

std::string version_text(uint64_t version)
{
  return std::to_string(version >> 56) + "." + std::to_string(version >> 48 & 255) + "." +
      std::to_string(version >> 40 & 255);
}

Graphs *create(const std::string &path, const Metadata &metadata, int device_index, int threads)
{
  at::set_num_threads(threads);    // MPI ranks share the cores: LAMMPS decides
  return new CompiledGraphs(path, metadata, device_index);
}

int gpus()
{
  return static_cast<int>(torch::cuda::device_count());
}

constexpr GraphLibrary library = {RM_TORCH_VERSION, read_graph_metadata, create, gpus};

}    // namespace

}    // namespace rm_lammps

extern "C" __attribute__((visibility("default"))) const rm_lammps::GraphLibrary *
rm_lammps_graph_library()
{
  const uint64_t found = aoti_torch_abi_version();
  if (found != TORCH_ABI_VERSION)
    throw rm_lammps::ModelError(
        "Pair style allegro was built with torch " + rm_lammps::version_text(TORCH_ABI_VERSION) +
        ", but torch " + rm_lammps::version_text(found) +
        " was loaded. Build the plugin again (rm-doctor)");
  return &rm_lammps::library;
}
