// The repository as XML: export, archive, extract.
#include "manifest/export.h"
#include "tools/svccfg/commands.h"

namespace vmkeep::svccfg {
namespace {

// "[-a] operands... [> file]".
bool parse(const Arguments& arguments, size_t count, std::vector<std::string>& operands,
           manifest::ExportOptions& options, std::string& file) {
  std::string letters;
  if (!take_redirect(arguments, operands, file) || !take_options(operands, "a", letters)) return false;
  options.protected_values = !letters.empty();
  return operands.size() == count;
}

Outcome write_result(Session& session, const Result<std::string>& text, const std::string& file) {
  return text ? write_out(session, *text, file) : session.fail(text.error());
}

}  // namespace

Outcome run_export(Session& session, const Arguments& arguments) {
  std::vector<std::string> operands;
  std::string file;
  manifest::ExportOptions options;
  if (!parse(arguments, 1, operands, options, file)) return Outcome::usage;
  fmri::Fmri entity;
  if (!session.resolve(operands.front(), entity, "services")) return Outcome::failed;
  if (entity.is_instance()) {
    session.complain("Only services may be exported; ignoring instance portion of argument.");
  }
  return write_result(session,
                      manifest::export_service(*session.repository(), entity.service_fmri(), options), file);
}

Outcome run_archive(Session& session, const Arguments& arguments) {
  std::vector<std::string> operands;
  std::string file;
  manifest::ExportOptions options;
  if (!parse(arguments, 0, operands, options, file)) return Outcome::usage;
  if (session.repository() == nullptr) return Outcome::failed;
  return write_result(session, manifest::export_archive(*session.repository(), options), file);
}

Outcome run_extract(Session& session, const Arguments& arguments) {
  std::vector<std::string> operands;
  std::string file;
  if (!take_redirect(arguments, operands, file) || !operands.empty()) return Outcome::usage;
  if (session.repository() == nullptr) return Outcome::failed;
  return write_result(session, manifest::export_profile(*session.repository()), file);
}

}  // namespace vmkeep::svccfg
