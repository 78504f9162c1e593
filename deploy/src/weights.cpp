// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

// A file of weights: lines "name values", the first one with the format, an empty line, and then
// as many bytes as the header says. rm_lammps/deployment/weights.py writes it.

#include "weights.h"

#include <fstream>
#include <map>
#include <sstream>

namespace rm_lammps {

namespace {

constexpr const char *first_line = "allegro-weights 1";

struct Header {
  std::map<std::string, std::string> entries;

  std::istringstream stream(const std::string &name, const std::string &path) const
  {
    const auto found = entries.find(name);
    if (found == entries.end())
      throw ModelError(path + " says nothing about its '" + name +
                       "': write it again with rm-deploy");
    return std::istringstream(found->second);
  }
};

std::ifstream open(const std::string &path)
{
  std::ifstream file(path, std::ios::binary);
  if (!file) throw ModelError(path + " can't be read");
  return file;
}

Header read_header(std::istream &file, const std::string &path)
{
  Header header;
  std::string line;
  std::getline(file, line);
  if (line != first_line)
    throw ModelError(path + " holds weights of another format (" + line.substr(0, 40) +
                     "): write it again with rm-deploy");
  while (std::getline(file, line) && !line.empty()) {
    const auto space = line.find(' ');
    header.entries[line.substr(0, space)] = space == std::string::npos ? "" : line.substr(space + 1);
  }
  return header;
}

}    // namespace

bool holds_weights(const std::string &path)
{
  const std::string wanted = std::string(first_line).substr(0, std::string(first_line).find(' '));
  std::string start(wanted.size(), '\0');
  auto file = open(path);
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  return start == wanted;
}

Metadata read_weights_metadata(const std::string &path)
{
  auto file = open(path);
  const auto header = read_header(file, path);
  Metadata metadata;
  metadata.device = "cpu";
  metadata.targets = {Target::native};
  auto names = header.stream("type_names", path), cutoffs = header.stream("cutoffs", path);
  for (std::string name; names >> name;) metadata.type_names.push_back(name);
  for (double cutoff; cutoffs >> cutoff;) metadata.cutoffs.push_back(cutoff);
  header.stream("r_max", path) >> metadata.r_max;
  const size_t types = metadata.type_names.size();
  if (types == 0 || metadata.cutoffs.size() != types * types || !(metadata.r_max > 0.0))
    throw ModelError(path + ": types and cutoffs do not fit together: write it again with rm-deploy");
  return metadata;
}

std::string read_weights(const std::string &path)
{
  auto file = open(path);
  size_t size = 0;
  read_header(file, path).stream("bytes", path) >> size;
  std::string weights(size, '\0');
  file.read(weights.data(), static_cast<std::streamsize>(size));
  if (static_cast<size_t>(file.gcount()) != size || file.peek() != std::ifstream::traits_type::eof())
    throw ModelError(path + " is cut short or has grown: write it again with rm-deploy");
  return weights;
}

}    // namespace rm_lammps
