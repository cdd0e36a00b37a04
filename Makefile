# Mintmark: one makefile. `make help` lists the targets.
#
#   make                 all programs, applets and API stubs, into build/release
#   make demo            set all up and play the whole payment story
#   make check           set all up and pass all tests
#   SAN=address,undefined, DEBUG=1, CC=clang, WERROR=1 choose a variant (its own build folder)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

VERSION := 0.1.0
CC      ?= cc
ifeq ($(origin CC),default)
CC      := gcc
endif
PREFIX  ?= /usr/local
DESTDIR ?=

variant := release
ifdef SAN
variant := san
endif
ifdef DEBUG
variant := debug
endif
ifneq ($(CC),gcc)
variant := $(variant)-$(notdir $(CC))
endif
BUILD   ?= build/$(variant)

# ---- flags ----
WARN    := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
           -Wswitch-enum -Wvla -Wformat=2
ifdef WERROR
WARN    += -Werror
endif
CPPFLAGS_ALL := -D_GNU_SOURCE -I. -I$(BUILD)/gen $(CPPFLAGS)
CFLAGS_ALL   := -std=c11 -g $(WARN) -fno-strict-aliasing
LDFLAGS_ALL  := -Wl,--as-needed $(LDFLAGS)
ifdef SAN
CFLAGS_ALL  += -O1 -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all
LDFLAGS_ALL += -fsanitize=$(SAN)
else ifdef DEBUG
CFLAGS_ALL  += -O0
else
CFLAGS_ALL  += -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
LDFLAGS_ALL += -pie -Wl,-z,relro,-z,now
endif
CFLAGS_ALL  += $(CFLAGS)
PCSC_CFLAGS := $(shell pkg-config --cflags libpcsclite p11-kit-1 2>/dev/null)
CPPFLAGS_ALL += $(PCSC_CFLAGS)
LDLIBS := -lpcsclite -lcurl -levent_openssl -levent -lssl -lcrypto -lcbor -ljansson -lzip -lsqlite3 \
          -ledit -lp11-kit -lpthread -lm

# ---- modules: a folder is a module, a module is a library; main.c is a program ----
MODULES := spec:apdu_spec base:applet_vm/base cose:applet_vm/cose scp:applet_vm/scp \
           cap:applet_vm/cap nvm:applet_vm/nvm vm:applet_vm/vm api:applet_vm/api integrity:applet_vm/integrity verify:applet_vm/verify card:applet_vm/card \
           link:applet_vm/link chip:applet_vm conv:converter access:host_client/access \
           gp:host_client/gp gptool:host_client/gptool gplib:host_client/gplib trust:host_client/trust net:host_client/net apdu:host_client/apdu pay:host_client/pay \
           agent:trust_agent platform:platform
mod_name = $(word 1,$(subst :, ,$(1)))
mod_dir  = $(word 2,$(subst :, ,$(1)))

# What a module's tests and programs link, its own library first (dependencies point one way).
LIBS_spec      := spec base
LIBS_base      := spec base
LIBS_cose      := cose spec base
LIBS_scp       := scp spec base
LIBS_cap       := cap spec base
LIBS_nvm       := nvm spec base
LIBS_vm        := vm cap nvm spec base
LIBS_api       := api scp $(LIBS_vm)
LIBS_integrity := integrity cose $(LIBS_api)
LIBS_verify    := verify $(LIBS_api)
LIBS_card      := card verify integrity cose $(LIBS_api)
LIBS_link      := link $(LIBS_card)
LIBS_chip      := chip $(LIBS_link)
LIBS_conv      := conv $(LIBS_verify)
LIBS_access    := access $(LIBS_link)
LIBS_gp        := gp $(LIBS_access)
LIBS_gptool    := gptool $(LIBS_gp)
LIBS_gplib     := gplib $(LIBS_gp)
LIBS_trust     := trust cose cap spec base
LIBS_apdu      := apdu gp $(LIBS_access)
LIBS_net       := net spec base
LIBS_pay       := pay net gp trust $(LIBS_access)
LIBS_agent     := agent pay net gp trust $(LIBS_access)
LIBS_platform  := platform net gp trust $(LIBS_access)

PROGRAMS := chip:mintmark-chip conv:mintmark-convert gptool:mintmark-gp apdu:mintmark-apdu \
            pay:mintmark-pay agent:mintmark-agent platform:mintmark-platform

define module
src_$(1) := $$(filter-out $(2)/main.c,$$(wildcard $(2)/*.c))
obj_$(1) := $$(src_$(1):%.c=$(BUILD)/obj/%.o) $$(gen_obj_$(1))
$(BUILD)/lib/libmm-$(1).a: $$(obj_$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	ar rcsD $$@ $$^
endef
gen_obj_api := $(BUILD)/obj/gen/api_tables.o
$(foreach m,$(MODULES),$(eval $(call module,$(call mod_name,$(m)),$(call mod_dir,$(m)))))
libs = $(patsubst %,$(BUILD)/lib/libmm-%.a,$(LIBS_$(1)))
dir_of = $(patsubst $(1):%,%,$(filter $(1):%,$(MODULES)))

define program
$(BUILD)/bin/$(2): $(BUILD)/obj/$(call dir_of,$(1))/main.o $(call libs,$(1))
	@mkdir -p $$(@D)
	$(CC) $(LDFLAGS_ALL) -o $$@ $$^ $(LDLIBS)
programs += $(BUILD)/bin/$(2)
endef
programs :=
$(foreach p,$(PROGRAMS),$(eval $(call program,$(call mod_name,$(p)),$(call mod_dir,$(p)))))

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<
$(BUILD)/obj/gen/%.o: $(BUILD)/gen/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# ---- generated sources: API tables from the published facts ----
$(BUILD)/gen/api_tables.c: applet_vm/api/gen_tables.awk applet_vm/api/api_305.tsv \
                           applet_vm/api/api_gp.tsv applet_vm/api/natives.def
	@mkdir -p $(@D)
	awk -f applet_vm/api/gen_tables.awk applet_vm/api/natives.def applet_vm/api/api_305.tsv \
	    applet_vm/api/api_gp.tsv > $@

# ---- Java: API stubs and applets. Built by the converter of this variant ----
include converter/java.mk

# ---- unit tests: test/unit/test_<module>_<topic>.c, one program each ----
unit_src := $(wildcard test/unit/test_*.c)
unit_mod = $(word 2,$(subst _, ,$(notdir $(1))))
define unit_test
$(BUILD)/test/$(notdir $(1:.c=)): $(1:%.c=$(BUILD)/obj/%.o) $(call libs,$(call unit_mod,$(1:.c=)))
	@mkdir -p $$(@D)
	$(CC) $(LDFLAGS_ALL) -o $$@ $$^ -lcmocka $(LDLIBS)
unit_bins += $(BUILD)/test/$(notdir $(1:.c=))
endef
unit_bins :=
$(foreach t,$(unit_src),$(eval $(call unit_test,$(t))))

# ---- fuzz targets: test/fuzz/fuzz_<module>_<topic>.c; plain main replays seeds ----
fuzz_src := $(wildcard test/fuzz/fuzz_*.c)
define fuzz_target
$(BUILD)/fuzz/$(notdir $(1:.c=)): $(1:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/test/fuzz/replay.o \
                                  $(call libs,$(call unit_mod,$(1:.c=)))
	@mkdir -p $$(@D)
	$(CC) $(LDFLAGS_ALL) -o $$@ $$^ $(LDLIBS)
fuzz_bins += $(BUILD)/fuzz/$(notdir $(1:.c=))
endef
fuzz_bins :=
$(foreach t,$(fuzz_src),$(eval $(call fuzz_target,$(t))))

# ---- targets ----
.PHONY: all help deps programs applets unit fuzz-replay check demo bench install clean format
all: programs applets
programs: $(programs)
applets: $(applet_caps)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)

programs: ## build the programs only
applets: ## build API stubs and applets only

# Debian packages: to build and play the story, and those that only the tests need besides.
# docs/dependencies.md says why each is there.
DEPS := gcc make pkg-config libc6-dev libssl-dev libpcsclite-dev pcscd vsmartcard-vpcd libevent-dev \
        libcurl4-openssl-dev libzip-dev libcbor-dev libjansson-dev libsqlite3-dev libedit-dev libp11-kit-dev \
        openjdk-17-jdk-headless opensc pcsc-tools curl openssl jq iproute2 util-linux xxd unzip
DEPS_TEST := libcmocka-dev libbz2-dev softhsm2 sqlite3 valgrind mandoc shellcheck clang libclang-rt-14-dev clang-format
deps: WANTED = $(DEPS) $(DEPS_TEST)
deps: ## install the Debian packages that are missing (apt, as root or through sudo)
deps-demo: WANTED = $(DEPS)
deps deps-demo:
	@missing=""; for p in $(WANTED); do \
	    dpkg-query -W -f='$${Status}' "$$p" 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; \
	done; \
	if [ -z "$$missing" ]; then echo "deps: everything is installed"; exit 0; fi; \
	echo "deps: installing$$missing"; \
	if [ "$$(id -u)" = 0 ]; then sudo=; elif sudo -n true 2>/dev/null; then sudo="sudo -n"; \
	else echo "deps: neither root nor sudo: install these packages yourself:$$missing" >&2; exit 1; fi; \
	$$sudo apt-get update -q && \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing
.PHONY: deps-demo

# A target that sets all up runs make again afterwards, so that what deps installed is found.
demo: deps-demo ## set all up and play the whole payment story
	@$(MAKE) --no-print-directory -j$(JOBS) all attack
	@test/system/with-reader.sh test/system/story.sh $(BUILD)

# Attackers of the story: test/system/*.c, one program each.
attack_bins := $(patsubst test/system/%.c,$(BUILD)/attack/%,$(wildcard test/system/*.c))
$(BUILD)/attack/%: $(BUILD)/obj/test/system/%.o $(call libs,access)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS)
.SECONDARY: $(attack_bins:$(BUILD)/attack/%=$(BUILD)/obj/test/system/%.o)
attack: $(attack_bins)

unit_tests: $(unit_bins)
fuzz_tests: $(fuzz_bins)
.PHONY: attack unit_tests fuzz_tests tests
tests: all attack unit_tests fuzz_tests bench_programs ## build everything that check runs

check: deps ## set all up and pass all tests, plain and under ASan+UBSan
	@$(MAKE) --no-print-directory -j$(JOBS) WERROR=1 tests
	@$(MAKE) --no-print-directory -j$(JOBS) WERROR=1 SAN=address,undefined tests
	@test/system/check.sh build/release build/san
JOBS ?= $(shell nproc)

# Benchmarks: test/bench/*.c, one program each.
bench_bins := $(patsubst test/bench/%.c,$(BUILD)/bench/%,$(wildcard test/bench/*.c))
$(BUILD)/bench/%: $(BUILD)/obj/test/bench/%.o $(call libs,gp)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS)
.SECONDARY: $(bench_bins:$(BUILD)/bench/%=$(BUILD)/obj/test/bench/%.o)
bench_programs: $(bench_bins)
.PHONY: bench_programs
bench: all bench_programs $(BUILD)/applets/bench.cap ## measure speed, as ratios in one run
	@test/bench/run.sh $(BUILD)

# Coverage-guided fuzzing with clang's libFuzzer: make fuzz TARGET=fuzz_cap_read FUZZ_SECONDS=60
FUZZ_SECONDS ?= 60
fuzz: ## fuzz one target: TARGET=fuzz_cap_read FUZZ_SECONDS=60
	@test -n "$(TARGET)" || { echo "fuzz: name a TARGET, one of: $(notdir $(fuzz_bins))" >&2; exit 2; }
	@$(MAKE) --no-print-directory CC=clang SAN=address,undefined BUILD=build/fuzz \
	    CFLAGS=-fsanitize=fuzzer-no-link build/fuzz/fuzzer/$(TARGET)
	@mkdir -p build/fuzz/corpus/$(TARGET) test/fuzz/corpus/$(TARGET:fuzz_%=%)
	build/fuzz/fuzzer/$(TARGET) -max_total_time=$(FUZZ_SECONDS) -timeout=10 build/fuzz/corpus/$(TARGET) \
	    test/fuzz/corpus/$(TARGET:fuzz_%=%)
define fuzzer
$(BUILD)/fuzzer/$(notdir $(1:.c=)): $(1:%.c=$(BUILD)/obj/%.o) $(call libs,$(call unit_mod,$(1:.c=)))
	@mkdir -p $$(@D)
	$(CC) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $$@ $$^ $(LDLIBS)
endef
$(foreach t,$(fuzz_src),$(eval $(call fuzzer,$(t))))

# The public library, static and shared: all it needs in one object, of which only its own names are to be
# seen. The number of the soname moves when a program made against the one before would not work.
gp_library := $(BUILD)/lib/libmintmark-gp.a
gp_soname  := libmintmark-gp.so.0
gp_shared  := $(BUILD)/lib/libmintmark-gp.so.$(VERSION)
$(gp_library): $(call libs,gplib)
	$(LD) -r -o $(BUILD)/lib/mintmark-gp.o --whole-archive $< --no-whole-archive $(filter-out $<,$^)
	objcopy --wildcard --keep-global-symbol='mintmark_gp_*' $(BUILD)/lib/mintmark-gp.o
	@rm -f $@
	ar rcsD $@ $(BUILD)/lib/mintmark-gp.o
# Code for programs may stand in a shared library as long as it refers to no data of another one; the
# linker refuses the rest, which these objects are.
gp_pic := $(BUILD)/obj/applet_vm/base/log.o $(BUILD)/obj/host_client/access/access_pcsc.o
$(gp_pic): CFLAGS_ALL += -fPIC
$(gp_pic): Makefile
$(gp_shared): $(gp_library)
	$(CC) $(filter-out -pie,$(LDFLAGS_ALL)) -shared -Wl,-soname,$(gp_soname) -Wl,-z,text,-z,defs \
	    -o $@ $(BUILD)/lib/mintmark-gp.o $(LDLIBS)
# With the sanitizers every object refers to data of theirs: there the static one is all.
gp_libraries := $(gp_library) $(if $(SAN),,$(gp_shared))
all: $(gp_libraries)
install-library: $(gp_libraries) ## install the public library of mintmark-gp only
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,include lib/pkgconfig share/doc/mintmark/examples)
	install -m 0644 host_client/gplib/mintmark_gp.h $(DESTDIR)$(PREFIX)/include/
	install -m 0644 $(gp_libraries) $(DESTDIR)$(PREFIX)/lib/
	test -n "$(SAN)" || ln -sf $(notdir $(gp_shared)) $(DESTDIR)$(PREFIX)/lib/$(gp_soname)
	test -n "$(SAN)" || ln -sf $(gp_soname) $(DESTDIR)$(PREFIX)/lib/libmintmark-gp.so
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' host_client/gplib/mintmark-gp.pc.in \
	    > $(DESTDIR)$(PREFIX)/lib/pkgconfig/mintmark-gp.pc
	install -m 0644 docs/examples/*.c $(DESTDIR)$(PREFIX)/share/doc/mintmark/examples/
.PHONY: install-library

install: all install-library ## install under PREFIX (/usr/local), DESTDIR is honoured
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin $(addprefix share/,man/man1 man/man5 man/man8 \
	    bash-completion/completions mintmark))
	install -m 0755 $(programs) $(DESTDIR)$(PREFIX)/bin/
	for n in 1 5 8; do install -m 0644 docs/man/*.$$n $(DESTDIR)$(PREFIX)/share/man/man$$n/ || exit 1; done
	install -m 0644 docs/completion/mintmark-* $(DESTDIR)$(PREFIX)/share/bash-completion/completions/
	install -m 0644 $(applet_caps) $(DESTDIR)$(PREFIX)/share/mintmark/
	cp -R --no-preserve=ownership $(BUILD)/api/classes $(BUILD)/api/exports $(DESTDIR)$(PREFIX)/share/mintmark/
	install -m 0644 $(BUILD)/api/mintmark-api.jar $(BUILD)/api/mintmark-api-sources.jar $(DESTDIR)$(PREFIX)/share/mintmark/

docs: $(BUILD)/bin/mintmark-apdu ## make docs/apdu.md anew from apdu_spec/
	awk -f apdu_spec/apdu_md.awk apdu_spec/aid.def apdu_spec/ins.def apdu_spec/sw.def apdu_spec/errors.def > docs/apdu.md
conformance: all unit_tests ## make the table of docs/conformance.md anew from the tests
	@test/conformance/make.sh $(BUILD) --write
.PHONY: docs conformance fuzz check-headers lint
check-headers: ## every header compiles alone
	@for h in $$(git ls-files '*.h'); do \
	    $(CC) $(CPPFLAGS_ALL) -std=c11 -fsyntax-only -x c "$$h" || exit 1; done; \
	    echo "every header stands alone"
lint: ## man pages, shell scripts, headers, docs that are derived
	@mandoc -Tlint -Wwarning docs/man/* && shellcheck -x test/*/*.sh .ci/run docs/completion/* && \
	$(MAKE) --no-print-directory check-headers
format: ## run clang-format over the C files
	@git ls-files '*.c' '*.h' | xargs clang-format -i
clean: ## remove the build folder
	rm -rf build

# What each object was made from, of every folder.
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
