#include "server/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <fstream>
#include <thread>
#include <vector>

#include "tests/stats/planted_facts.h"
#include "tests/support/temp_dir.h"

namespace server::http {
namespace {

using testing::HasSubstr;

constexpr const char* kToken = "0123456789abcdef";

struct HttpServerTest : testing::Test {
  HttpServerTest() {
    collector_.start();
    facts_.facts.set_ready();
  }
  ~HttpServerTest() override {
    server_.reset();
    collector_.stop();
  }

  httplib::Client serve(const std::string& token_file = "") {
    HttpServer::Options options{.addresses = {{"127.0.0.1", 0}}, .files = {token_file, ""}};
    server_ = std::make_unique<HttpServer>(std::move(options), facts_.clock, collector_);
    const auto started = server_->start(nullptr, 1000);
    EXPECT_TRUE(started) << started.error().what;
    return client();
  }
  httplib::Client client() { return httplib::Client("127.0.0.1", server_->bound()[0].port); }
  std::string tokens(const std::string& text) {
    std::ofstream(dir_.file("tokens")) << text << "\n";
    return dir_.file("tokens");
  }

  tests::TempDir dir_;
  tests::PlantedFacts facts_;
  stats::Collector collector_{facts_.clock, facts_.facts};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersWhatItIsFor) {
  auto client = serve();
  EXPECT_EQ(client.Get("/livez")->body, "ok\n");
  EXPECT_EQ(client.Get("/readyz")->status, 503) << "it has no WAL";
  EXPECT_THAT(client.Get("/readyz")->body, HasSubstr("there is no WAL yet"));
  EXPECT_EQ(client.Get("/standby/a%20b?lag=1MB")->status, 503);
  EXPECT_EQ(client.Get("/standby/a?lag=x")->status, 400);
  EXPECT_THAT(client.Get("/metrics")->body, HasSubstr("walcast_ready 1\n"));
  EXPECT_THAT(client.Get("/api/snapshot")->body, HasSubstr("\"system_identifier\":\"42\""));
  EXPECT_THAT(client.Get("/")->body, HasSubstr("<title>walcast</title>"));
  EXPECT_EQ(client.Get("/favicon.ico")->status, 404);
  EXPECT_EQ(client.Options("/livez")->status, 200);
  EXPECT_EQ(client.Head("/livez")->status, 200);
}

TEST_F(HttpServerTest, NothingIsKeptOrShownElsewhere) {
  auto client = serve();
  const auto page = client.Get("/");
  EXPECT_EQ(page->get_header_value("Cache-Control"), "no-store");
  EXPECT_EQ(page->get_header_value("X-Frame-Options"), "DENY");
  EXPECT_THAT(page->get_header_value("Content-Security-Policy"), HasSubstr("frame-ancestors"));
}

TEST_F(HttpServerTest, OnlyReads) {
  auto client = serve();
  EXPECT_EQ(client.Post("/metrics", "x", "text/plain")->status, 405);
  EXPECT_EQ(client.Delete("/metrics")->status, 405);
}

TEST_F(HttpServerTest, AnotherSitesNameIsNotAnswered) {
  auto client = serve();
  EXPECT_EQ(client.Get("/metrics", {{"Host", "evil.example"}})->status, 421);
  EXPECT_EQ(client.Get("/livez", {{"Host", "evil.example"}})->status, 200);
}

TEST_F(HttpServerTest, AsksForATokenAndSaysLessWithout) {
  auto client = serve(tokens(kToken));
  EXPECT_EQ(client.Get("/metrics")->status, 401);
  EXPECT_THAT(client.Get("/metrics")->get_header_value("WWW-Authenticate"), HasSubstr("Bearer"));
  EXPECT_EQ(client.Get("/readyz")->body, "not ok\n");
  client.set_bearer_token_auth(kToken);
  EXPECT_EQ(client.Get("/metrics")->status, 200);
  EXPECT_THAT(client.Get("/readyz")->body, HasSubstr("not ok: there is no WAL yet"));
}

TEST_F(HttpServerTest, AReloadTakesOtherTokensUnlessTheFileIsWrong) {
  auto client = serve(tokens(kToken));
  client.set_bearer_token_auth("fedcba9876543210");
  EXPECT_EQ(client.Get("/metrics")->status, 401);
  tokens("fedcba9876543210");
  server_->reload(nullptr, 1000);
  EXPECT_EQ(client.Get("/metrics")->status, 200);
  tokens("short");
  testing::internal::CaptureStderr();
  server_->reload(nullptr, 1000);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("is too short"));
  EXPECT_EQ(client.Get("/metrics")->status, 200);
}

TEST_F(HttpServerTest, EventsComeUntilTheServerStops) {
  auto client = serve();
  std::string said;
  std::thread stopper;
  const auto answer = client.Get("/events", [&](const char* data, std::size_t size) {
    said.append(data, size);
    if (!stopper.joinable()) stopper = std::thread([this] { server_->stop(); });
    return true;
  });
  stopper.join();
  EXPECT_THAT(said, HasSubstr("event: snapshot\ndata: {"));
}

TEST_F(HttpServerTest, ManyAskAtOnce) {
  serve();
  std::vector<std::thread> clients;
  for (int i = 0; i < 16; ++i) {
    clients.emplace_back([this] {
      auto own = client();
      for (int n = 0; n < 5; ++n) EXPECT_EQ(own.Get("/livez")->status, 200);
    });
  }
  for (auto& one : clients) one.join();
}

TEST_F(HttpServerTest, AnAddressThatIsTakenIsAnError) {
  serve();
  HttpServer second({.addresses = server_->bound(), .files = {}}, facts_.clock, collector_);
  const auto started = second.start(nullptr, 1000);
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().what, HasSubstr("could not bind HTTP address \"127.0.0.1:"));
}

TEST_F(HttpServerTest, WithoutAddressesItDoesNothing) {
  HttpServer idle({}, facts_.clock, collector_);
  EXPECT_TRUE(idle.start(nullptr, 1000));
  EXPECT_TRUE(idle.bound().empty());
  idle.reload(nullptr, 1);
  idle.stop();
}

}  // namespace
}  // namespace server::http
