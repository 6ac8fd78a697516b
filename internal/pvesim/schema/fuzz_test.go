package schema_test

import (
	"strings"
	"testing"

	"github.com/nixmox/nixmox-controller/internal/pvesim/schema"
)

// What was printed is read back as the same, whatever was sent.
func FuzzPropertyStrings(f *testing.F) {
	table, err := schema.Load("9.2")
	if err != nil {
		f.Fatal(err)
	}
	params := table.Paths[lxcPath]["POST"].Parameters
	for _, seed := range []string{"name=eth0,bridge=vmbr0,ip=10.0.0.5/24", "local:1,mp=/data,backup=1", "nesting=1", "a=,b", ",,", "volume=x,y"} {
		for _, key := range []string{"net0", "mp0", "rootfs", "features"} {
			f.Add(key, seed)
		}
	}
	f.Fuzz(func(t *testing.T, key, text string) {
		prop := params.Lookup(key)
		if prop == nil || prop.Format.Props == nil {
			t.Skip()
		}
		values, err := schema.ParseString(prop.Format.Props, text, key)
		if err != nil {
			return
		}
		for _, value := range values {
			if strings.TrimSpace(value) == "" || strings.Contains(value, "=") {
				t.Skip() // of the default key they print as nothing, or as another key; so they do in Proxmox
			}
		}
		printed := schema.PrintString(prop.Format.Props, values)
		again, err := schema.ParseString(prop.Format.Props, printed, key)
		if err != nil {
			t.Fatalf("%q was printed as %q, which does not parse: %v", text, printed, err)
		}
		if third := schema.PrintString(prop.Format.Props, again); third != printed {
			t.Errorf("%q was printed as %q, then as %q", text, printed, third)
		}
	})
}

// A parameter is either good or has a message, never both and never neither.
func FuzzParameters(f *testing.F) {
	table, err := schema.Load("9.2")
	if err != nil {
		f.Fatal(err)
	}
	params := table.Paths[lxcPath]["POST"].Parameters
	for _, seed := range [][2]string{{"memory", "512"}, {"vmid", "0100"}, {"tags", "a;b"}, {"nameserver", "fe80::1%eth0"}, {"startup", "order=1"}, {"net33", "x"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		texts, faults := schema.Check(params, schema.Values{key: {Text: value}})
		_, good := texts[key]
		if _, faulty := faults[key]; good == faulty {
			t.Errorf("%s=%q: good %v, faulty %v", key, value, good, faulty)
		}
	})
}
