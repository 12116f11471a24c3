#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace vmkeep {
namespace {

TEST(ResultTest, AnErrorSaysWhatAndWhy) {
  const Error error = in("cannot import vbox.xml", errno_error("cannot open vbox.xml", ENOENT));
  EXPECT_EQ(error.kind, ErrorKind::not_found);
  EXPECT_EQ(error.message, "cannot import vbox.xml: cannot open vbox.xml: No such file or directory");
}

TEST(ResultTest, ErrnoBecomesAKind) {
  EXPECT_EQ(errno_error("x", EACCES).kind, ErrorKind::permission);
  EXPECT_EQ(errno_error("x", EEXIST).kind, ErrorKind::exists);
  EXPECT_EQ(errno_error("x", ECONNREFUSED).kind, ErrorKind::unavailable);
  EXPECT_EQ(errno_error("x", EOPNOTSUPP).kind, ErrorKind::unsupported);
  EXPECT_EQ(errno_error("x", EIO).kind, ErrorKind::io);
}

TEST(ResultTest, TheValueOfAnErrorThrowsInsideItsRoomOnly) {
  const Result<int> broken = fail(ErrorKind::invalid, "no number");
  EXPECT_THROW(static_cast<void>(broken.value()), std::runtime_error);
}

}  // namespace
}  // namespace vmkeep
