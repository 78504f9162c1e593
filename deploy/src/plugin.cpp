// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

// The part of the plugin that every start of LAMMPS loads. It registers the styles and no more:
// what they need is loaded when a script first asks for one, torch when a model needs it.

#include <string>

#include "beside.h"
#include "error.h"
#include "lammps.h"
#include "lmptype.h"

namespace {

// LAMMPS's plugin interface; its header is not among the installed ones
extern "C" {
struct Plugin {
  const char *version;
  const char *style;
  const char *name;
  const char *info;
  const char *author;
  void *create;    // pair and min styles: void *(void *lmp); fixes: void *(void *lmp, int, char **)
  void *handle;
};
using Register = void (*)(Plugin *, void *);
}

constexpr const char *pair_library = "liballegro_core.so";
constexpr const char *fix_library = "liballegro_fixes.so";

// The object layout of another LAMMPS may differ: better a message now than a crash later.
void check_lammps(LAMMPS_NS::LAMMPS *lmp, const std::string &style)
{
  if (std::string(lmp->version).rfind(RM_LAMMPS_VERSION, 0) == 0) return;
  lmp->error->all(FLERR,
                  style + " was built for LAMMPS " + RM_LAMMPS_VERSION + ", but this is LAMMPS " +
                      lmp->version +
                      ". Build the plugin for this LAMMPS: see docs/howto/build.md of rm_lammps");
}

// So do the sizes of atom IDs, which LAMMPS tells through its C interface.
void check_integers(LAMMPS_NS::LAMMPS *lmp, const std::string &style)
{
  using Extract = int (*)(void *, const char *);
  auto extract = reinterpret_cast<Extract>(dlsym(RTLD_DEFAULT, "lammps_extract_setting"));
  const int size = sizeof(LAMMPS_NS::tagint);
  if (!extract || extract(lmp, "tagint") == size) return;
  lmp->error->all(FLERR,
                  style + " was built for atom IDs of " + std::to_string(8 * size) +
                      " bits, which are not those of this LAMMPS. Build the plugin with "
                      "-D LAMMPS_BIGBIG=" + (size == 4 ? "on" : "off"));
}

// Function of one of the libraries beside this one.
void *load(LAMMPS_NS::LAMMPS *lmp, const std::string &style, const char *library,
           const char *function)
{
  check_lammps(lmp, style);
  check_integers(lmp, style);
  std::string why;
  void *creator = rm_lammps::function_of(rm_lammps::own_folder() + library, function, why);
  if (!creator)
    lmp->error->all(FLERR, style + " could not be loaded: " + why + ". Install rm_lammps again, or "
                                   "build the plugin again (rm-doctor)");
  return creator;
}

void *create_pair(void *lmp)
{
  using Creator = void *(*)(void *);
  void *creator = load(static_cast<LAMMPS_NS::LAMMPS *>(lmp), "Pair style allegro", pair_library,
                       "rm_lammps_create_pair_allegro");
  return reinterpret_cast<Creator>(creator)(lmp);
}

void *load_fixes(void *lmp, const std::string &style, const char *function)
{
  return load(static_cast<LAMMPS_NS::LAMMPS *>(lmp), style, fix_library, function);
}

void *create_denoise(void *lmp, int narg, char **arg)
{
  using Creator = void *(*)(void *, int, char **);
  void *creator = load_fixes(lmp, "Fix denoise", "rm_lammps_create_fix_denoise");
  return reinterpret_cast<Creator>(creator)(lmp, narg, arg);
}

void *create_box_relax(void *lmp, int narg, char **arg)
{
  using Creator = void *(*)(void *, int, char **);
  void *creator = load_fixes(lmp, "Fix box/relax/lbfgs", "rm_lammps_create_fix_box_relax_lbfgs");
  return reinterpret_cast<Creator>(creator)(lmp, narg, arg);
}

void *create_symmetry(void *lmp, int narg, char **arg)
{
  using Creator = void *(*)(void *, int, char **);
  void *creator = load_fixes(lmp, "Fix symmetry", "rm_lammps_create_fix_symmetry");
  return reinterpret_cast<Creator>(creator)(lmp, narg, arg);
}

void *create_lbfgs(void *lmp)
{
  using Creator = void *(*)(void *);
  void *creator = load_fixes(lmp, "Min style lbfgs", "rm_lammps_create_min_lbfgs");
  return reinterpret_cast<Creator>(creator)(lmp);
}

}    // namespace

extern "C" __attribute__((visibility("default"))) void
lammpsplugin_init(void *lmp, void *handle, void *regfunc)
{
  // LAMMPS warns at every start when versions differ; check_lammps() does when it matters
  const char *version = static_cast<LAMMPS_NS::LAMMPS *>(lmp)->version;
  constexpr const char *authors = "The rm_lammps developers";
  const auto add = [&](const char *style, const char *name, const char *info, auto *create) {
    Plugin plugin{version, style, name, info, authors, reinterpret_cast<void *>(create), handle};
    reinterpret_cast<Register>(regfunc)(&plugin, lmp);
  };
  add("pair", "allegro", "Allegro potentials, as weights or compiled graphs", create_pair);
  add("fix", "denoise", "annealed denoising of atoms and box", create_denoise);
  add("fix", "box/relax/lbfgs", "the box in a minimisation by min style lbfgs", create_box_relax);
  add("fix", "symmetry", "a crystal's symmetry, kept", create_symmetry);
  add("min", "lbfgs", "minimisation of atoms and box by L-BFGS", create_lbfgs);
}
