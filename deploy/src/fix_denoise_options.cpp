// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

// The arguments of fix denoise.

#include <map>

#include "atom.h"
#include "domain.h"
#include "error.h"
#include "fix_denoise.h"
#include "utils.h"

using namespace LAMMPS_NS;

namespace {

constexpr int first_option = 6;
constexpr const char *known =
    "schedule, step, spring, dmax, cell, strain, modulus, poisson, pressure, emax, adapt, "
    "symmetry, zero, flip";

}    // namespace

void FixDenoise::refuse(const std::string &problem) const
{
  error->all(FLERR, "Fix denoise: " + problem);
}

void FixDenoise::read_options(int narg, char **arg)
{
  if (narg < first_option)
    refuse("give the noise at the start and at the end, and a seed: fix ID group denoise START "
           "END SEED [keyword value ...]");
  start = utils::numeric(FLERR, arg[3], false, lmp);
  end = utils::numeric(FLERR, arg[4], false, lmp);
  const int given = utils::inumeric(FLERR, arg[5], false, lmp);
  if (given < 1) refuse("the seed must be a whole number above 0, not " + std::string(arg[5]));
  seed = static_cast<uint32_t>(given);
  for (int i = first_option; i < narg; i += 2) {
    if (i + 1 >= narg) refuse("a value is missing after " + std::string(arg[i]));
    read_option(arg[i], arg[i + 1]);
  }
}

void FixDenoise::read_option(const std::string &key, const std::string &value)
{
  const std::map<std::string, double *> numbers = {
      {"step", &share},         {"spring", &spring},   {"dmax", &dmax},
      {"strain", &strain_noise}, {"modulus", &modulus}, {"poisson", &poisson},
      {"pressure", &external},  {"emax", &emax},       {"adapt", &adapt}};
  const std::map<std::string, bool *> switches = {{"zero", &zero}, {"flip", &flip}};
  const std::map<std::string, Schedule> schedules = {{"geometric", Schedule::geometric},
                                                     {"linear", Schedule::linear}};
  const std::map<std::string, Cell> cells = {
      {"none", Cell::none}, {"iso", Cell::iso}, {"aniso", Cell::aniso}, {"tri", Cell::tri}};

  if (const auto number = numbers.find(key); number != numbers.end()) {
    *number->second = utils::numeric(FLERR, value, false, lmp);
  } else if (const auto choice = switches.find(key); choice != switches.end()) {
    *choice->second = utils::logical(FLERR, value, false, lmp) != 0;
  } else if (key == "schedule") {
    if (!schedules.count(value)) refuse("schedule must be geometric or linear, not " + value);
    schedule = schedules.at(value);
  } else if (key == "cell") {
    if (!cells.count(value)) refuse("cell must be none, iso, aniso or tri, not " + value);
    cell = cells.at(value);
  } else if (key == "symmetry") {
    if (value.rfind("v_", 0) != 0)
      refuse("symmetry must be v_NAME, a string variable, not " + value);
    operations = value.substr(2);
  } else {
    refuse("unknown keyword '" + key + "'; known are: " + known);
  }
}

void FixDenoise::check_options() const
{
  if (!(start >= 0.0) || !(end >= 0.0)) refuse("the noise must be 0 or more");
  if (schedule == Schedule::geometric && (start == 0.0) != (end == 0.0))
    refuse("a geometric schedule neither begins nor ends at 0: use schedule linear");
  if (!(share > 0.0) || !(share < 2.0)) refuse("step must be between 0 and 2");
  if (!(spring > 0.0) || !(modulus > 0.0)) refuse("spring and modulus must be above 0");
  if (!(poisson > -1.0) || !(poisson < 0.5)) refuse("poisson must be between -1 and 0.5");
  if (!(dmax > 0.0) || !(emax > 0.0)) refuse("dmax and emax must be above 0");
  if (!(strain_noise >= 0.0) || !(adapt >= 0.0)) refuse("strain and adapt must be 0 or more");
  if (!atom->tag_enable) refuse("atoms need IDs: use atom_modify id yes");
}

void FixDenoise::check_box() const
{
  if (!domain->xperiodic && !domain->yperiodic && !domain->zperiodic)
    refuse("no direction of the box is periodic: use cell none");
  if (cell == Cell::tri && !domain->triclinic)
    refuse("cell tri needs a triclinic box: use change_box all triclinic before the fix");
  if (!operations.empty() && domain->triclinic && flip)
    refuse("flips change what the operations of symmetry refer to: use flip no with symmetry");
}
