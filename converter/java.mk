# Java parts of the build, included by the Makefile: API stubs for javac, export files, applet CAPs.
applet_caps :=
