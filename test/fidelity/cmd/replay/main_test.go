package main

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/pvesimtest"
	"github.com/nixmox/nixmox-controller/test/fidelity"
)

func endpoint(t *testing.T) string {
	t.Helper()
	text, err := fs.ReadFile(fidelity.Data(), "world.json")
	if err != nil {
		t.Fatal(err)
	}
	return pvesimtest.Start(t, pvesimtest.World(t, string(text)), pvesim.Options{TimeScale: 20}).URL
}

func TestTheLastLineCountsEqualSteps(t *testing.T) {
	var out bytes.Buffer
	err := run(t.Context(), []string{"compare", "--endpoint", endpoint(t), "--only", "version", "--only", "next*", "--jobs", "2"}, &out)
	if err != nil || !strings.HasSuffix(out.String(), "\n16 of 16 steps equal\n") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestARecordingIsWrittenAndComparedWith(t *testing.T) {
	folder, url := t.TempDir(), endpoint(t)
	var out bytes.Buffer
	for _, mode := range []string{"record", "compare"} {
		if err := run(t.Context(), []string{mode, "--endpoint", url, "--only", "version", "--recordings", folder}, &out); err != nil {
			t.Fatalf("%s: %v\n%s", mode, err, out.String())
		}
	}
	file := filepath.Join(folder, "version.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.Replace(text, []byte(`"9.2.11"`), []byte(`"9.2.12"`), 2), 0o600); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	err = run(t.Context(), []string{"compare", "--endpoint", url, "--only", "version", "--recordings", folder}, &out)
	if !errors.Is(err, errDiffers) || !strings.Contains(out.String(), `body.data.version: recorded "9.2.12", answered "9.2.11"`) {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestMistakesOnTheCommandLineAreExplained(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"campare"}, "say compare, record or list"},
		{[]string{"record", "--endpoint", "http://x"}, "--recordings DIR"},
		{[]string{"compare", "--endpoint", "pve:8006"}, "must look like https://host:8006"},
		{[]string{"compare", "--only", "none"}, "no scenario matches"},
		{[]string{"compare", "--token", "abc"}, "USER@REALM!NAME=SECRET"},
		{[]string{"compare", "x"}, `unexpected argument "x"`},
	} {
		if err := run(t.Context(), test.args, new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v, want %q in it", test.args, err, test.want)
		}
	}
	if err := run(t.Context(), nil, new(bytes.Buffer)); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("without arguments: %v", err)
	}
}
