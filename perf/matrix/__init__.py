"""One load on many servers, by parts: what perf/compare.sh runs, and the document that it writes."""
