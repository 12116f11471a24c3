#include "tools/svccfg/hashes.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <boost/uuid/detail/md5.hpp>
#include <cstring>
#include <filesystem>

#include "base/fd.h"
#include "manifest/elements.h"

namespace vmkeep::svccfg {
namespace {

using repository::ValueType;

constexpr size_t kDigits = 32;  // of one digest

std::string md5(const std::string& text) {
  boost::uuids::detail::md5 hash;
  hash.process_bytes(text.data(), text.size());
  boost::uuids::detail::md5::digest_type words;
  hash.get_digest(words);
  std::string digest;
  for (const auto word : words) digest += fmt::format("{:08x}", word);
  return digest;
}

fmri::Fmri service() {
  return {kHashService, {}, {}, {}};
}

}  // namespace

std::string hash_group(const std::string& absolute_path) {
  return manifest::mangle(absolute_path.starts_with('/') ? absolute_path.substr(1) : absolute_path);
}

Result<FileHash> hash_file(const std::string& path) {
  const auto bad = [&] { return fail(ErrorKind::io, fmt::format("Could not hash file {}.", path)); };
  std::error_code error;
  const std::string file = std::filesystem::canonical(path, error).string();
  if (error) return bad();
  struct stat status {};
  const auto text = read_file(file);
  if (!text || ::stat(file.c_str(), &status) != 0) return bad();
  const std::string metadata = fmt::format("{} {} {}.{}", status.st_mode, status.st_size,
                                           status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  return FileHash{hash_group(file), file, md5(metadata) + md5(*text)};
}

Result<Stored> stored_hash(repository::Repository& repository, const FileHash& hash) {
  auto levels = repository.read(service());
  if (!levels && levels.error().kind == ErrorKind::not_found) return Stored::no;
  if (!levels) return levels.error();
  const auto group = levels->own.find(hash.group);
  if (group == levels->own.end()) return Stored::no;
  const std::string digest(group->second->value("md5sum").value_or(""));
  // A file that was only touched is the same.
  const bool same = digest.size() == 2 * kDigits && digest.substr(kDigits) == hash.digest.substr(kDigits) &&
                    group->second->value("manifestfile") == hash.file;
  return same ? Stored::same : Stored::other;
}

Result<> store_hash(repository::Repository& repository, const FileHash& hash, bool profile) {
  repository::ChangeSet changes;
  if (auto levels = repository.read(service()); !levels) {
    if (levels.error().kind != ErrorKind::not_found) return levels.error();
    changes.push_back(repository::AddService{kHashService});
  }
  repository::PropertyGroup group = manifest::make_group(hash.group, "framework");
  manifest::set(group, "md5sum", ValueType::opaque, hash.digest);
  manifest::set(group, "manifestfile", hash.file);
  if (profile) manifest::set(group, "apply_late", ValueType::boolean, "true");
  changes.push_back(repository::PutGroup{service(), group, std::nullopt});
  return repository.commit(changes);
}

Result<bool> forget_hash(repository::Repository& repository, const std::string& absolute_path) {
  auto levels = repository.read(service());
  if (!levels && levels.error().kind == ErrorKind::not_found) return false;
  if (!levels) return levels.error();
  const std::string group = hash_group(absolute_path);
  if (!levels->own.contains(group)) return false;
  auto done = repository.commit({repository::DeleteGroup{service(), group, std::nullopt}});
  if (!done) return done.error();
  return true;
}

}  // namespace vmkeep::svccfg
