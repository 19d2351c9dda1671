# SPDX-License-Identifier: MIT
#
# The commands of the README. Meson does the work; these install what it needs, on a fresh
# Debian 12, and call it.
#
#   make run      build, audit this machine's memcpy beside membus, write build/report.html
#   make check    build and run every test
#   make check-guest   boot kernels under QEMU and test VFIO inside
#   make check-avx512  run the tests of the kernel avx512 on a CPU that Bochs emulates
#   make install  PREFIX=/usr/local DESTDIR=
#   make bench    the benchmark
#   make audits     audit C libraries and membus on every architecture into docs/audits.md
#   make perf-docs  measure this machine into its page: docs/performance.md where it has AVX-512,
#                   docs/performance-zen4.md where that is Zen 4's, docs/performance-avx2.md without
#   make check-cross  build, objcheck and test for every architecture that Debian crosses to
#   make soak     SECONDS=60  copies, commits, DMA and faults together
#   make fuzz     every fuzz target for FUZZ_SECONDS (600) each
#   make format   the formatter, in place

BUILD  ?= build
PREFIX ?= /usr/local

.PHONY: all run check check-cross check-guest check-avx512 install bench perf-docs audits soak fuzz
.PHONY: format clean
all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	scripts/deps.sh build check qemu
	meson setup $(BUILD) --prefix=$(PREFIX) $(SETUP)

run: all
	scripts/run.sh $(BUILD)

check: all
	scripts/check.sh $(BUILD)

check-cross: all
	scripts/check-cross.sh --build $(BUILD)

check-guest:
	scripts/deps.sh build guest
	scripts/check-guest.sh

check-avx512: all
	scripts/deps.sh avx512
	scripts/check-avx512.sh $(BUILD)

install: all
ifneq ($(origin PREFIX),file)
	meson configure $(BUILD) --prefix=$(PREFIX)
endif
	meson install -C $(BUILD) --no-rebuild $(if $(DESTDIR),--destdir $(DESTDIR))
	$(if $(DESTDIR),,[ "$$(id -u)" != 0 ] || ldconfig)

# The peers are looked for when the build is configured.
.PHONY: peers
peers: $(BUILD)/build.ninja
	scripts/deps.sh bench
	meson setup --reconfigure $(BUILD) >/dev/null
	ninja -C $(BUILD)

bench: peers
	$(BUILD)/membus bench
	$(BUILD)/bench/bench_space

audits: all
	scripts/audits.sh $(BUILD)

perf-docs: peers
	scripts/perf-docs.sh $(BUILD)

SECONDS ?= 60
soak: all
	$(BUILD)/tests/soak $(SECONDS)

fuzz:
	scripts/deps.sh build fuzz
	scripts/fuzz.sh $(or $(FUZZ_SECONDS),600)

format:
	scripts/deps.sh format
	git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	rm -rf $(BUILD)
