#include "manifest/document.h"

#include <libxml/parser.h>
#include <libxml/valid.h>
#include <libxml/xmlerror.h>

#include <climits>

#include "base/named_file.h"

namespace vmkeep::manifest {
namespace {

struct Collector {
  std::string file;
  std::vector<Problem>* problems;
  bool has_declarations = false;

  void add(int line, std::string reason) {
    if (problems->size() < kMaxProblems) {
      problems->push_back({file, line, std::move(reason)});
    } else if (problems->size() == kMaxProblems) {
      problems->push_back({file, 0, "there are more problems than these"});
    }
  }
};

std::string one_line(const char* message) {
  std::string line = message == nullptr ? "unknown error" : message;
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
  for (char& c : line) {
    if (c == '\n') c = ' ';
  }
  return line;
}

#if LIBXML_VERSION >= 21200
using XmlError = const xmlError*;
#else
using XmlError = xmlError*;
#endif

void collect(void* collector, XmlError error) {
  auto& self = *static_cast<Collector*>(collector);
  if (self.has_declarations) return;  // the parser was stopped by us: what it says about that is no news
  self.add(error->line, one_line(error->message));
}

// libxml2 has one error handler a thread.
class CollectErrors {
 public:
  explicit CollectErrors(Collector& collector)
      : context_(xmlStructuredErrorContext), handler_(xmlStructuredError) {
    xmlSetStructuredErrorFunc(&collector, collect);
  }
  ~CollectErrors() { xmlSetStructuredErrorFunc(context_, handler_); }
  CollectErrors(const CollectErrors&) = delete;
  CollectErrors& operator=(const CollectErrors&) = delete;

 private:
  void* context_;
  xmlStructuredErrorFunc handler_;
};

// A declaration inside the document is the way to every attack by entities, and no manifest needs one.  The
// parser stops where the first stands, before anything can refer to it.
void refuse(void* context, const char* what) {
  auto* parser = static_cast<xmlParserCtxt*>(context);
  auto& collector = *static_cast<Collector*>(parser->_private);
  if (collector.has_declarations) return;
  collector.add(parser->input == nullptr ? 0 : parser->input->line,
                std::string(what) + " declarations inside a document are not accepted");
  collector.has_declarations = true;
  xmlStopParser(parser);
}

void refuse_entity(void* context, const xmlChar*, int, const xmlChar*, const xmlChar*, xmlChar*) {
  refuse(context, "entity");
}
void refuse_unparsed(void* context, const xmlChar*, const xmlChar*, const xmlChar*, const xmlChar*) {
  refuse(context, "entity");
}
void refuse_element(void* context, const xmlChar*, int, xmlElementContent*) {
  refuse(context, "element");
}
void refuse_notation(void* context, const xmlChar*, const xmlChar*, const xmlChar*) {
  refuse(context, "notation");
}
void refuse_attribute(void* context, const xmlChar*, const xmlChar*, int, int, const xmlChar*,
                      xmlEnumeration* values) {
  xmlFreeEnumeration(values);  // the callback owns it
  refuse(context, "attribute");
}

struct FreeParser {
  void operator()(xmlParserCtxt* parser) const { xmlFreeParserCtxt(parser); }
};

DocumentPtr read(const std::string& text, Collector& collector) {
  const std::unique_ptr<xmlParserCtxt, FreeParser> parser(xmlNewParserCtxt());
  if (parser == nullptr) return nullptr;
  parser->_private = &collector;
  parser->sax->entityDecl = refuse_entity;
  parser->sax->unparsedEntityDecl = refuse_unparsed;
  parser->sax->elementDecl = refuse_element;
  parser->sax->attributeDecl = refuse_attribute;
  parser->sax->notationDecl = refuse_notation;
  parser->sax->externalSubset = nullptr;  // the DTD that the document names is never loaded
  parser->sax->resolveEntity = [](void*, const xmlChar*, const xmlChar*) -> xmlParserInputPtr {
    return nullptr;
  };
  // Not among the options, on purpose: NOENT, DTDLOAD, DTDATTR, DTDVALID, XINCLUDE, HUGE.
  constexpr int kOptions = XML_PARSE_NONET | XML_PARSE_BIG_LINES | XML_PARSE_NOCDATA;
  DocumentPtr document(xmlCtxtReadMemory(parser.get(), text.data(), static_cast<int>(text.size()),
                                         collector.file.c_str(), nullptr, kOptions));
  if (document != nullptr && parser->wellFormed == 0) document.reset();
  return document;
}

void validate(xmlDoc* document, const std::string& other, Collector& collector) {
  std::string text(kDtd, kDtdSize);
  if (!other.empty()) {
    auto read = read_named_file(other);
    if (!read) return collector.add(0, "the DTD cannot be read: " + read.error().message);
    text = std::move(*read);
  }
  auto* buffer =
      xmlParserInputBufferCreateMem(text.data(), static_cast<int>(text.size()), XML_CHAR_ENCODING_UTF8);
  auto* dtd = buffer == nullptr ? nullptr : xmlIOParseDTD(nullptr, buffer, XML_CHAR_ENCODING_UTF8);
  auto* context = xmlNewValidCtxt();
  if (dtd == nullptr || context == nullptr) {
    collector.add(0, "the DTD cannot be understood");
  } else if (xmlValidateDtd(context, document, dtd) != 1) {
    collector.add(0, "Document is not valid.");
  }
  if (context != nullptr) xmlFreeValidCtxt(context);
  if (dtd != nullptr) xmlFreeDtd(dtd);
}

// The rules of 3.1 on what the document says that it is; empty: fine.
std::string wrong_type(xmlDoc* document) {
  const xmlDtd* dtd = xmlGetIntSubset(document);
  if (dtd == nullptr) return "document has no DTD";
  if (dtd->SystemID == nullptr || std::string(reinterpret_cast<const char*>(dtd->SystemID)) != kSystemId) {
    return "document DTD unknown; not service bundle?";
  }
  const xmlNode* root = xmlDocGetRootElement(document);
  if (root == nullptr) return "document is empty";
  if (xmlStrEqual(root->name, reinterpret_cast<const xmlChar*>("service_bundle")) == 0) {
    return "document is not a service bundle";
  }
  return {};
}

bool is_profile(xmlDoc* document) {
  xmlChar* type = xmlGetNoNsProp(xmlDocGetRootElement(document), reinterpret_cast<const xmlChar*>("type"));
  const bool result = type != nullptr && xmlStrEqual(type, reinterpret_cast<const xmlChar*>("profile")) != 0;
  xmlFree(type);
  return result;
}

}  // namespace

DocumentPtr load_document(const std::string& file, const std::string& text, const ParseOptions& options,
                          std::vector<Problem>& problems) {
  Collector collector{file, &problems};
  if (text.size() > static_cast<size_t>(INT_MAX)) {
    collector.add(0, "the file is too large");
    return nullptr;
  }
  const CollectErrors handler(collector);
  DocumentPtr document = read(text, collector);
  if (document == nullptr || !problems.empty()) {
    collector.add(0, "couldn't parse document");
    return nullptr;
  }
  if (std::string wrong = wrong_type(document.get()); !wrong.empty()) {
    collector.add(0, std::move(wrong));
    return nullptr;
  }
  // A profile may leave out what it does not change (3.1).
  if (options.validate && !is_profile(document.get())) validate(document.get(), options.dtd, collector);
  return problems.empty() ? std::move(document) : nullptr;
}

}  // namespace vmkeep::manifest
