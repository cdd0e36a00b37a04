/*
 * The converter: class files of one package to a CAP file and an export file (JCVM 3.0.5, chapters
 * 4 to 6), and a disassembler for CAP files. Class files come from any javac; export files tell
 * what other packages offer. What cards cannot have is refused, with file, line, method and a hint.
 */
#ifndef MM_CONV_H
#define MM_CONV_H

#include <stdio.h>

#include "applet_vm/base/base.h"
#include "applet_vm/cap/cap.h"

#define MM_CONV_APPLET_MAX  16 /* applets in one package; the format allows 255 */
#define MM_CONV_EXPORTS_MAX 16
#define MM_CONV_CLASSES_MAX 64
#define MM_CONV_USE_MAX     16

struct mm_conv_applet {
    const char *class_name; /* "Purse" or "org.mintmark.purse.Purse"; borrowed */
    struct mm_aid aid;
};

/* Import this package in this version, as old cards have it. */
struct mm_conv_use {
    const char *package; /* "org.globalplatform" */
    uint8_t major, minor;
};

/* What to convert. All pointers borrowed for the call. */
struct mm_conv_options {
    const char
        *classes[MM_CONV_CLASSES_MAX]; /* folders and jars with class files below, and files */
    size_t class_n;
    const char *package; /* "org.mintmark.purse" */
    struct mm_aid aid;
    uint8_t major, minor; /* package version */
    bool has_version;     /* it was asked for */
    struct mm_conv_applet applets[MM_CONV_APPLET_MAX];
    size_t applet_n;
    const char
        *exports[MM_CONV_EXPORTS_MAX]; /* folders searched for <package>/javacard/<last>.exp */
    size_t export_n;
    struct mm_conv_use uses[MM_CONV_USE_MAX];
    size_t use_n;
    bool ints;    /* the card has int: 32 bit fields, locals, arrays, arithmetic */
    bool debug;   /* add a Debug component: names and lines, for tools (makes the format 2.2) */
    bool listing; /* write the listing of mm_conv_dump beside the CAP file, as "x.lst" */
    uint8_t cap_minor; /* CAP format 2.1 or 2.2; 0: the lowest that can hold the package */
    /* Called for each refusal, if not NULL, in the order found. */
    void (*report)(void *ctx, const char *text);
    void *report_ctx;
    const char *classpath; /* of javac, with build; may be NULL */
    const char *output;    /* "x.cap" (export file "x.exp" beside it), or a folder */
};

/* Convert: writes the CAP file and the export file. Nothing is written when anything is refused.
 * All that is refused goes to opt->report; err has the first:
 * "Purse.java:42: org.mintmark.purse.Purse.process: int arithmetic needed: ...". */
enum mm_status mm_conv_package(const struct mm_conv_options *opt, struct mm_err *err) MM_USE_RESULT;

/* Parse a class file and check its structure; nothing is kept. */
enum mm_status mm_conv_class_check(const uint8_t *data, size_t data_len,
                                   struct mm_err *err) MM_USE_RESULT;

/* Parse an export file and write it again. *out owned by the caller (free). Reading what was
 * written gives the same bytes: the writer has one form for each content. */
enum mm_status mm_conv_export_rewrite(const uint8_t *data, size_t data_len, uint8_t **out,
                                      size_t *out_len, struct mm_err *err) MM_USE_RESULT;

/* Make export files and Java stubs from fact tables (applet_vm/api/ *.tsv), into dir/exports and
 * dir/stubs, with documentation comments from the sentences of docs (may be NULL). Where a table has several versions of a package, stubs and <name>.exp are those of the
 * highest; the others are <name>-M.m.exp. */
enum mm_status mm_conv_api(const char *const *tables, size_t table_n, const char *docs,
                           const char *dir, struct mm_err *err) MM_USE_RESULT;

/* Write the CAP file at path as readable assembly, with names: its own from its Debug component or
 * the export file beside it, those of imports from the API beside this program and from export
 * files below the folders (or in the jars) named. */
enum mm_status mm_conv_dump(const char *path, const char *const *exports, size_t export_n,
                            FILE *out, struct mm_err *err) MM_USE_RESULT;

/* Write what takes the space in the CAP file at path, as a table or as JSON: components, classes,
 * methods. Names as above. */
enum mm_status mm_conv_size(const char *path, const char *const *exports, size_t export_n,
                            bool json, FILE *out, struct mm_err *err) MM_USE_RESULT;

/* Check the CAP file at path as the card does: structure, references, types. It may import packages
 * of the API, of the CAP files named, and of export files below the folders named.
 * *methods: how many were checked; *described: false when the file has no Descriptor, so that only
 * kinds of values were. */
struct mm_conv_verdict {
    size_t methods;
    bool described;
};
enum mm_status mm_conv_verify(const char *path, const char *const *libraries, size_t library_n,
                              const char *const *exports, size_t export_n,
                              struct mm_conv_verdict *out, struct mm_err *err) MM_USE_RESULT;

#endif
