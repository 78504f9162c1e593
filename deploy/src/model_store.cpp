// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#include "model_store.h"

#include <filesystem>
#include <map>
#include <mutex>
#include <tuple>

namespace rm_lammps {

namespace {

namespace fs = std::filesystem;

// path, time of change, size
using FileKey = std::tuple<std::string, fs::file_time_type, std::uintmax_t>;

struct Store {
  std::mutex mutex;
  std::map<FileKey, Metadata> metadata;
  std::map<std::pair<FileKey, int>, std::shared_ptr<Model>> models;
};

// Never destroyed: at the end of a process torch's own statics may be gone before ours.
Store &store()
{
  static auto *only = new Store;
  return *only;
}

FileKey file_key(const std::string &path)
{
  std::error_code problem;
  const auto canonical = fs::canonical(path, problem);
  if (problem || !fs::is_regular_file(canonical))
    throw ModelError("There is no file " + path + " (working folder: " +
                     fs::current_path(problem).string() + ")");
  return {canonical.string(), fs::last_write_time(canonical), fs::file_size(canonical)};
}

const Metadata &find_metadata(Store &all, const FileKey &key)
{
  const auto found = all.metadata.find(key);
  if (found != all.metadata.end()) return found->second;
  return all.metadata.emplace(key, read_metadata(std::get<0>(key))).first->second;
}

}    // namespace

Metadata shared_metadata(const std::string &path)
{
  auto &all = store();
  const std::lock_guard<std::mutex> lock(all.mutex);
  return find_metadata(all, file_key(path));
}

std::shared_ptr<Model> shared_model(const std::string &path, int device_index, int threads)
{
  auto &all = store();
  const std::lock_guard<std::mutex> lock(all.mutex);
  const auto key = file_key(path);
  auto &slot = all.models[{key, device_index}];
  if (!slot)
    slot =
        std::make_shared<Model>(std::get<0>(key), find_metadata(all, key), device_index, threads);
  return slot;
}

}    // namespace rm_lammps
