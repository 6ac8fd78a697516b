package pvesim

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConfigurationsAreWrittenAsProxmoxWritesThem(t *testing.T) {
	conf := newConfig()
	conf.values = map[string]string{"memory": "512", "description": "first: line\n\ngrün\n", "hostname": "web", "tags": ""}
	conf.pending = map[string]string{"nameserver": "1.1.1.1"}
	conf.deleted = []string{"mp0", "mp1"}
	snapshot := newSection()
	snapshot.values = map[string]string{"memory": "256", "snaptime": "1700000000"}
	conf.snapshots["before"] = &snapshot
	want := `#first%3A line
#
#gr%C3%BCn
hostname: web
memory: 512
tags: 

[pve:pending]
delete: mp0,mp1
nameserver: 1.1.1.1

[before]
memory: 256
snaptime: 1700000000
`
	text := conf.render()
	if diff := cmp.Diff(want, text); diff != "" {
		t.Error(diff)
	}
	again := parseConfig(text)
	if got := again.values["tags"]; got != " " {
		t.Errorf("an empty value reads back as %q, want one space", got)
	}
	if got := again.values["description"]; got != "first: line\n\ngrün\n" {
		t.Errorf("the description reads back as %q", got)
	}
	if diff := cmp.Diff(conf.pending, again.pending); diff != "" {
		t.Error(diff)
	}
}

func TestWhenAChangeOfARunningContainerTakesEffect(t *testing.T) {
	for sentence, test := range map[string]struct{ got, want moment }{
		"a hostname changes in the configuration": {whenChanged("hostname", true), atOnce},
		"memory changes live":                     {whenChanged("memory", true), live},
		"a new mount point is mounted":            {whenChanged("mp3", false), live},
		"an existing mount point waits":           {whenChanged("mp3", true), later},
		"a removed mount point waits":             {whenDeleted("mp3"), later},
		"net9 is unplugged":                       {whenDeleted("net9"), live},
		"net10 waits, by a slip of Proxmox's":     {whenDeleted("net10"), later},
		"an unused disk is destroyed":             {whenDeleted("unused0"), live},
		"features wait":                           {whenChanged("features", false), later},
		"a key that no row names waits":           {whenChanged("nameserver", true), later},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %d, want %d", sentence, test.got, test.want)
		}
	}
}

func TestSizesKeepTheirLargestWholeUnit(t *testing.T) {
	for text, want := range map[string]string{"8.5G": "8704M", "1536M": "1536M", "2147483648": "2G", "2048K": "2M", "0": "0T", "1500": "1500"} {
		size, ok := parseSize(text)
		if got := formatSize(size); !ok || got != want {
			t.Errorf("%s is printed as %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "1g", "-1G", "G", "1.G"} {
		if _, ok := parseSize(text); ok {
			t.Errorf("%q passes as a size", text)
		}
	}
}
