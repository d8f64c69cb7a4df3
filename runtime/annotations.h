#pragma once

// clang's thread-safety attributes under short names; empty under other compilers. Preset
// `threadsafety` checks them.

#if defined(__clang__)
#define WALCAST_TS_ATTRIBUTE(x) __attribute__((x))
#else
#define WALCAST_TS_ATTRIBUTE(x)
#endif

#define CAPABILITY(name) WALCAST_TS_ATTRIBUTE(capability(name))
#define SCOPED_CAPABILITY WALCAST_TS_ATTRIBUTE(scoped_lockable)
#define GUARDED_BY(x) WALCAST_TS_ATTRIBUTE(guarded_by(x))
#define REQUIRES(...) WALCAST_TS_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define ACQUIRE(...) WALCAST_TS_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define RELEASE(...) WALCAST_TS_ATTRIBUTE(release_capability(__VA_ARGS__))
#define EXCLUDES(...) WALCAST_TS_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define ASSERT_CAPABILITY(x) WALCAST_TS_ATTRIBUTE(assert_capability(x))
