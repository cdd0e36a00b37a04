# Java parts of the build, included by the Makefile: API stubs for javac, export files, applet CAPs.
# Everything is made by this variant's converter from applet_vm/api/*.tsv; no kit is needed.
JAVAC      ?= javac
JAR        ?= jar
JAVACFLAGS := --release 8 -g -Xlint:-options -nowarn -encoding UTF-8

convert    := $(BUILD)/bin/mintmark-convert
api_dir    := $(BUILD)/api
api_tables := applet_vm/api/api_305.tsv applet_vm/api/api_gp.tsv
api_docs   := applet_vm/api/api_docs.tsv
api_extra  := $(wildcard converter/annotations/org/mintmark/cap/*.java)
api_stamp  := $(api_dir)/.done

# $(api_dir)/exports: export files; $(api_dir)/classes and mintmark-api.jar: what javac compiles
# against; mintmark-api-sources.jar: the same with documentation comments, for IDEs.
$(api_stamp): $(convert) $(api_tables) $(api_docs) $(api_extra)
	@rm -rf $(api_dir)
	@mkdir -p $(api_dir)/classes
	$(convert) api --output $(api_dir) --docs $(api_docs) $(api_tables)
	cp -R converter/annotations/org $(api_dir)/stubs/
	find $(api_dir)/stubs -name '*.java' | LC_ALL=C sort > $(api_dir)/stubs.list
	$(JAVAC) $(JAVACFLAGS) -d $(api_dir)/classes @$(api_dir)/stubs.list
	chmod -R a+rX $(api_dir)
	$(JAR) --create --no-manifest --date=1980-01-01T00:00:02Z --file $(api_dir)/mintmark-api.jar -C $(api_dir)/classes .
	$(JAR) --create --no-manifest --date=1980-01-01T00:00:02Z --file $(api_dir)/mintmark-api-sources.jar -C $(api_dir)/stubs .
	@touch $@

# $(call applet_rule,name,folder,package,options): $(BUILD)/applets/<name>.cap from <folder>/src
define applet_rule
$(1)_java := $(wildcard $(2)/src/$(subst .,/,$(3))/*.java)
$(BUILD)/applets/$(1).cap: $$($(1)_java) $(api_stamp)
	@rm -rf $(BUILD)/applets/classes/$(1)
	@mkdir -p $(BUILD)/applets/classes/$(1)
	$(JAVAC) $(JAVACFLAGS) -cp $(api_dir)/classes -d $(BUILD)/applets/classes/$(1) $$($(1)_java)
	$(convert) --package $(3) $(4) --classes $(BUILD)/applets/classes/$(1) \
	    --exports $(api_dir)/exports --output $$@
endef

applet_caps := $(BUILD)/applets/purse.cap $(BUILD)/applets/transit.cap
$(eval $(call applet_rule,purse,applets/purse,org.mintmark.purse,--aid F04D494E544D41524B10 \
    --package-version 1.0 --applet org.mintmark.purse.Purse=F04D494E544D41524B1001))
$(eval $(call applet_rule,transit,applets/transit,org.mintmark.transit,--aid F04D494E544D41524B11 \
    --package-version 1.0 --applet org.mintmark.transit.Transit=F04D494E544D41524B1101))

# For `make bench` only.
$(eval $(call applet_rule,bench,test/bench/applet,org.mintmark.bench,--aid F04D494E544D41524B30 \
    --package-version 1.0 --applet org.mintmark.bench.Bench=F04D494E544D41524B3001))

# ---- test CAPs: every construct once, and a library; loaded by the unit tests ----
test_java    := $(wildcard converter/test/*/src/org/mintmark/*/*.java \
                converter/test/language/src/org/mintmark/language/expect/*.java)
test_classes := $(BUILD)/applets/classes/test
test_library := $(BUILD)/applets/test_exports/org/mintmark/library/javacard/library.cap
test_runtime := $(BUILD)/applets/test_exports/org/mintmark/runtime/javacard/runtime.cap
test_caps    := $(addprefix $(BUILD)/applets/test_,constructs.cap ints.cap exceptions.cap extending.cap \
                    single.cap exchange.cap gp.cap remote.cap remoteint.cap extras.cap atomic.cap called.cap upgrade1.cap upgrade2.cap language.cap language.expected) \
                $(test_runtime)

$(test_classes)/.done: $(test_java) $(api_stamp)
	@rm -rf $(test_classes)
	@mkdir -p $(test_classes)
	$(JAVAC) $(JAVACFLAGS) -cp $(api_dir)/classes -d $(test_classes) $(test_java)
	@touch $@

$(test_library): $(test_classes)/.done
	$(convert) --package org.mintmark.library --aid F04D494E544D41524B20 --package-version 1.2 \
	    --classes $(test_classes) --exports $(api_dir)/exports --output $@

$(BUILD)/applets/test_constructs.cap: $(test_library)
	$(convert) --package org.mintmark.constructs --aid F04D494E544D41524B21 \
	    --applet Constructs=F04D494E544D41524B2101 --classes $(test_classes) \
	    --exports $(api_dir)/exports --exports $(BUILD)/applets/test_exports --output $@

$(BUILD)/applets/test_ints.cap: $(test_classes)/.done
	$(convert) --int --package org.mintmark.ints --aid F04D494E544D41524B22 \
	    --applet Ints=F04D494E544D41524B2201 --classes $(test_classes) \
	    --exports $(api_dir)/exports --output $@

$(BUILD)/applets/test_exceptions.cap: $(test_classes)/.done
	$(convert) --package org.mintmark.exceptions --aid F04D494E544D41524B23 \
	    --applet Exceptions=F04D494E544D41524B2301 --classes $(test_classes) \
	    --exports $(api_dir)/exports --output $@

$(BUILD)/applets/test_extending.cap: $(test_classes)/.done
	$(convert) --package org.mintmark.extending --aid F04D494E544D41524B2E \
	    --applet Extending=F04D494E544D41524B2E01 --classes $(test_classes) \
	    --exports $(api_dir)/exports --output $@

# Applets that ask the runtime environment: channels, contexts, transient memory.
$(test_runtime): $(test_classes)/.done
	$(convert) --package org.mintmark.runtime --aid F04D494E544D41524BA3 --package-version 1.0 \
	    --applet Multi=F04D494E544D41524BA301 --applet Other=F04D494E544D41524BA302 \
	    --classes $(test_classes) --exports $(api_dir)/exports --output $@

$(BUILD)/applets/test_single.cap: $(test_runtime)
	$(convert) --package org.mintmark.single --aid F04D494E544D41524BA4 \
	    --applet Single=F04D494E544D41524BA401 --applet Twin=F04D494E544D41524BA402 \
	    --classes $(test_classes) --exports $(api_dir)/exports \
	    --exports $(BUILD)/applets/test_exports --output $@

$(BUILD)/applets/test_exchange.cap: $(test_classes)/.done
	$(convert) --package org.mintmark.exchange --aid F04D494E544D41524BA5 \
	    --applet Exchange=F04D494E544D41524BA501 \
	    --applet Borrower=F04D494E544D41524BA502 --classes $(test_classes) \
	    --exports $(api_dir)/exports --output $@

$(BUILD)/applets/test_gp.cap: $(test_classes)/.done
	$(convert) --package org.mintmark.gp --aid F04D494E544D41524BA6 \
	    --applet Desk=F04D494E544D41524BA601 --applet Provider=F04D494E544D41524BA602 \
	    --applet Vault=F04D494E544D41524BA603 --applet Keeper=F04D494E544D41524BA604 \
	    --classes $(test_classes) --exports $(api_dir)/exports --output $@

# Two versions of one load file, for the upgrade from the one to the other.
$(BUILD)/applets/test_upgrade1.cap: $(test_classes)/.done
	$(convert) --package org.mintmark.upgrade1 --aid F04D494E544D41524BAB --package-version 1.0 \
	    --applet Keeper=F04D494E544D41524BAB01 --applet Plain=F04D494E544D41524BAB02 \
	    --classes $(test_classes) --exports $(api_dir)/exports --output $@

$(BUILD)/applets/test_upgrade2.cap: $(test_classes)/.done
	$(convert) --package org.mintmark.upgrade2 --aid F04D494E544D41524BAB --package-version 2.1 \
	    --applet Keeper=F04D494E544D41524BAB01 --applet Plain=F04D494E544D41524BAB02 \
	    --classes $(test_classes) --exports $(api_dir)/exports --output $@

# Java Card RMI: remote interfaces, so CAP format 2.2.
$(BUILD)/applets/test_remote.cap: $(test_classes)/.done
	$(convert) --package org.mintmark.remote --aid F04D494E544D41524BA8 \
	    --applet RemoteApplet=F04D494E544D41524BA801 --classes $(test_classes) \
	    --exports $(api_dir)/exports --output $@

$(BUILD)/applets/test_remoteint.cap: $(test_classes)/.done
	$(convert) --int --package org.mintmark.remoteint --aid F04D494E544D41524BAA \
	    --applet SumsApplet=F04D494E544D41524BAA01 --classes $(test_classes) \
	    --exports $(api_dir)/exports --output $@

# Transactions, in install() and after it.
$(BUILD)/applets/test_atomic.cap: $(test_classes)/.done
	$(convert) --package org.mintmark.atomic --aid F04D494E544D41524BA9 \
	    --applet Atomic=F04D494E544D41524BA901 --classes $(test_classes) \
	    --exports $(api_dir)/exports --output $@

# The API's other packages, from Java.
$(BUILD)/applets/test_extras.cap: $(test_classes)/.done
	$(convert) --int --package org.mintmark.extras --aid F04D494E544D41524BA7 \
	    --applet Extras=F04D494E544D41524BA701 --classes $(test_classes) \
	    --exports $(api_dir)/exports --output $@

$(BUILD)/applets/test_language.cap: $(test_classes)/.done
	$(convert) --package org.mintmark.language --aid F04D494E544D41524B23 \
	    --applet Language=F04D494E544D41524B2301 --classes $(test_classes) \
	    --exports $(api_dir)/exports --output $@

# What a Java virtual machine answers for the same class files.
$(BUILD)/applets/test_language.expected: $(test_classes)/.done
	java -XX:+UseSerialGC -cp $(test_classes) org.mintmark.language.expect.Expect > $@

# Every method of the API, called by bytecode: made from the API's tables.
called_gen   := $(BUILD)/gen/called
called_parts := $(addprefix converter/test/called/,gen.awk makers.tsv)
$(BUILD)/applets/test_called.cap: $(called_parts) $(api_stamp)
	@mkdir -p $(called_gen)
	awk -v list=$(called_gen)/methods -f $(called_parts) $(api_tables) > $(called_gen)/Called.java
	$(JAVAC) $(JAVACFLAGS) -cp $(api_dir)/classes -d $(called_gen)/classes $(called_gen)/Called.java
	$(convert) --int --package org.mintmark.called --aid F04D494E544D41524BAB \
	    --applet Called=F04D494E544D41524BAB01 --classes $(called_gen)/classes \
	    --exports $(api_dir)/exports --output $@

applets: $(test_caps)

# ---- random programs: the same class files on the Java virtual machine and on the chip ----
# For `make check`: 60 packages of 40 programs, every second with int; fewer where all is slow.
random_packages := $(if $(SAN),10,60)
random_done     := $(BUILD)/random/expected
$(random_done): test/random/Programs.java test/random/make.sh $(convert) $(api_stamp)
	@rm -rf $(BUILD)/random
	@mkdir -p $(BUILD)/random
	test/random/make.sh $(BUILD) $(BUILD)/random 1 $(random_packages) 40
tests unit_tests: $(random_done)

RANDOM_SEED     ?= 100000
RANDOM_PROGRAMS ?= 100000
.PHONY: random
random: all $(BUILD)/test/test_gp_random ## compare 100,000 random programs with the Java virtual machine
	@test/random/run.sh $(BUILD) $(RANDOM_SEED) $(RANDOM_PROGRAMS)
