// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#include "model.h"

#include <ATen/ops/from_blob.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/InferenceMode.h>
#include <caffe2/serialize/inline_container.h>

#include <algorithm>
#include <cstring>
#include <sstream>

namespace rm_lammps {

namespace {

constexpr const char *positions_target = "model";    // the name nequip's own tools look for
constexpr const char *edge_target = "edge";
constexpr const char *native_record = "data/rm_native";

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

}    // namespace

Metadata read_metadata(const std::string &path)
{
  Metadata metadata;
  Entries entries;
  try {
    entries = package_entries(path, positions_target);
  } catch (const std::exception &error) {
    throw ModelError(path + " is not a compiled model (" + first_line(error) +
                     "): make one with rm-deploy, or nequip-compile --target pair_allegro");
  }
  check_target(entries, path);
  check_torch(entries, path);
  metadata.type_names = words(entry(entries, "type_names", path));
  metadata.r_max = std::stod(entry(entries, "r_max", path));
  metadata.cutoffs = read_cutoffs(entries, metadata.r_max, metadata.type_names.size());
  metadata.device = entry(entries, "AOTI_DEVICE_KEY", path);
  const auto edges = entries.find("rm_edge_dtype");
  metadata.has_edges = edges != entries.end();
  metadata.has_native = entries.count("rm_native") > 0;
  metadata.edge_double = metadata.has_edges && edges->second == "float64";
  return metadata;
}

Model::Model(const std::string &path, Metadata metadata, int device_index) :
    path_(path), metadata_(std::move(metadata)), device_index_(device_index),
    device_(device_index < 0 ? at::Device(at::kCPU) : at::Device(metadata_.device))
{
  if (device_index >= 0) device_.set_index(static_cast<c10::DeviceIndex>(device_index));
}

void Model::load(Target target)
{
  const std::lock_guard<std::mutex> lock(mutex_);
  if (target == Target::edges) loader(edge_target, edges_);
  if (target == Target::positions) loader(positions_target, positions_);
  if (target != Target::native || native_) return;
  try {
    caffe2::serialize::PyTorchStreamReader reader(path_);
    const auto [data, size] = reader.getRecord(native_record);
    native_ = std::make_unique<NativeModel>(
        std::string(static_cast<const char *>(data.get()), size), metadata_.cutoffs);
  } catch (const std::exception &error) {
    throw ModelError("The weights in " + path_ + " could not be read (" + first_line(error) +
                     "): compile the model again (rm-deploy)");
  }
}

Model::Loader &Model::loader(const char *name, std::unique_ptr<Loader> &slot)
{
  if (slot) return *slot;
  c10::OptionalDeviceGuard guard;
  if (device_.type() != at::kCPU) guard.reset_device(device_);
  try {
    slot = std::make_unique<Loader>(path_, name, false, 1,
                                    static_cast<c10::DeviceIndex>(device_index_));
  } catch (const std::exception &error) {
    throw ModelError(path_ + " could not be loaded (" + first_line(error) +
                     "). Compiled models run only with the torch " RM_TORCH_VERSION
                     " and on the kind of CPU or GPU they were compiled for: compile it again "
                     "here (rm-deploy)");
  }
  return *slot;
}

std::vector<at::Tensor> Model::run(Loader &loader, std::vector<at::Tensor> inputs)
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

void Model::evaluate_positions(const Block &block, BlockResult &result)
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

void Model::evaluate_edges(const Block &block, BlockResult &result)
{
  const int64_t rows = block.rows, width = block.width;
  const auto vectors = metadata_.edge_double
      ? view(block.vectors_double, {rows, width, 3}, at::kDouble)
      : view(block.vectors, {rows, width, 3}, at::kFloat);
  auto outputs = run(loader(edge_target, edges_),
                     {vectors, view(block.centre_types, {rows}, at::kLong),
                      view(block.edge_types, {rows, width}, at::kLong)});
  result.energies.resize(rows);
  copy_doubles(outputs.at(0), result.energies.data());
  auto gradients = outputs.at(1).to(at::kCPU).contiguous();
  if (metadata_.edge_double)
    result.gradients_double = gradients.data_ptr<double>();
  else
    result.gradients = gradients.data_ptr<float>();
  result.kept = {gradients};
}

}    // namespace rm_lammps
