// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

// The part of the plugin that every start of LAMMPS loads. It registers the pair style and no
// more: torch, which takes time and memory, is loaded when a script first asks for the style.

#include <dlfcn.h>

#include <string>

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
  void *(*create)(void *);
  void *handle;
};
using Register = void (*)(Plugin *, void *);
}

constexpr const char *core_name = "liballegro_core.so";

std::string own_folder()
{
  Dl_info info{};
  if (dladdr(reinterpret_cast<void *>(&own_folder), &info) == 0 || !info.dli_fname) return "";
  const std::string path = info.dli_fname;
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

// The object layout of another LAMMPS may differ: better a message now than a crash later.
void check_lammps(LAMMPS_NS::LAMMPS *lmp)
{
  if (std::string(lmp->version).rfind(RM_LAMMPS_VERSION, 0) == 0) return;
  lmp->error->all(FLERR,
                  std::string("Pair style allegro was built for LAMMPS ") + RM_LAMMPS_VERSION +
                      ", but this is LAMMPS " + lmp->version +
                      ". Build the plugin for this LAMMPS: see docs/pair_style.md of rm_lammps");
}

// So do the sizes of atom IDs, which LAMMPS tells through its C interface.
void check_integers(LAMMPS_NS::LAMMPS *lmp)
{
  using Extract = int (*)(void *, const char *);
  auto extract = reinterpret_cast<Extract>(dlsym(RTLD_DEFAULT, "lammps_extract_setting"));
  const int size = sizeof(LAMMPS_NS::tagint);
  if (!extract || extract(lmp, "tagint") == size) return;
  lmp->error->all(FLERR,
                  "Pair style allegro was built for atom IDs of " + std::to_string(8 * size) +
                      " bits, which are not those of this LAMMPS. Build the plugin with "
                      "-D LAMMPS_BIGBIG=" + (size == 4 ? "on" : "off"));
}

void *create(void *ptr)
{
  auto *lmp = static_cast<LAMMPS_NS::LAMMPS *>(ptr);
  check_lammps(lmp);
  check_integers(lmp);
  // never unloaded: loaded models survive "clear", and torch can't be loaded twice
  void *core = dlopen((own_folder() + core_name).c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!core) {
    const char *why = dlerror();
    lmp->error->all(FLERR,
                    std::string("Pair style allegro could not be loaded: ") + (why ? why : "") +
                        ". It was built with torch " RM_TORCH_VERSION
                        "; if that has moved or changed, build the plugin again (rm-doctor)");
  }
  using Creator = void *(*)(void *);
  auto creator = reinterpret_cast<Creator>(dlsym(core, "rm_lammps_create_pair_allegro"));
  if (!creator) lmp->error->all(FLERR, std::string(core_name) + " is not of this plugin");
  return creator(ptr);
}

}    // namespace

extern "C" __attribute__((visibility("default"))) void
lammpsplugin_init(void *lmp, void *handle, void *regfunc)
{
  // LAMMPS warns at every start when versions differ; check_lammps() does when it matters
  Plugin plugin{static_cast<LAMMPS_NS::LAMMPS *>(lmp)->version,
                "pair",
                "allegro",
                "Allegro potentials compiled by nequip or rm_lammps",
                "The rm_lammps developers",
                create,
                handle};
  reinterpret_cast<Register>(regfunc)(&plugin, lmp);
}
