package schema_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixmox/nixmox-controller/internal/pvesim/schema"
)

const lxcPath = "/nodes/{node}/lxc"

func createParams(t *testing.T) schema.Props {
	t.Helper()
	table, err := schema.Load("9.2")
	if err != nil {
		t.Fatal(err)
	}
	return table.Paths[lxcPath]["POST"].Parameters
}

func TestFaultsAreReportedInProxmoxWords(t *testing.T) {
	params := createParams(t)
	for sentence, test := range map[string]struct{ key, value, want string }{
		"a number with a unit is no integer":      {"memory", "1G", "type check ('integer') failed - got '1G'"},
		"a limit is named":                        {"memory", "15", "value must have a minimum value of 16"},
		"true is no boolean":                      {"onboot", "true", "type check ('boolean') failed - got 'true'"},
		"a host name has no underscore":           {"hostname", "a_b", "invalid format - value does not look like a valid DNS name\n"},
		"lengths come from the older table":       {"password", "abcd", "value must be at least 5 characters long"},
		"the last interface is net31":             {"net32", "name=eth0", "property is not defined in schema and the schema does not allow additional properties"},
		"an address needs its prefix":             {"net0", "name=eth0,ip=10.0.0.5", "invalid format - format error\nnet0.ip: invalid format - value does not look like a valid ipv4 network configuration\n\n"},
		"a /7 is too wide for an address":         {"net0", "name=eth0,ip=10.0.0.5/7", "invalid format - format error\nnet0.ip: invalid format - value does not look like a valid ipv4 network configuration\n\n"},
		"a mount point needs its path":            {"mp0", "local:1", "invalid format - format error\nmp0.mp: property is missing and it is not optional\n"},
		"a key may stand once":                    {"net0", "name=eth0,name=eth1", "invalid format - duplicate key in comma-separated list property: name\n"},
		"features has no bare value":              {"features", "nesting", "invalid format - value without key, but schema does not define a default key\n"},
		"a multicast MAC belongs to no interface": {"net0", "name=eth0,hwaddr=01:00:00:00:00:01", "invalid format - format error\nnet0.hwaddr: invalid format - value does not look like a valid unicast MAC address\n\n"},
		"a VMID has three digits":                 {"vmid", "99", "invalid format - value does not look like a valid VM ID\n"},
		"a tag starts with a letter or a digit":   {"tags", "a,-b", "invalid format - invalid characters in tag\n"},
		"a time zone exists":                      {"timezone", "Mars/Base", "invalid format - invalid time zone 'Mars/Base'\n"},
	} {
		t.Run(sentence, func(t *testing.T) {
			values := schema.Values{
				"node": {Text: "pve1"}, "vmid": {Text: "100"}, "ostemplate": {Text: "local:vztmpl/x.tar.gz"},
			}
			values[test.key] = schema.Value{Text: test.value}
			_, faults := schema.Check(params, values)
			if diff := cmp.Diff(map[string]string{test.key: test.want}, faults); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSeveralFaultsAreReportedTogether(t *testing.T) {
	_, faults := schema.Check(createParams(t), schema.Values{
		"node": {Text: "pve1"}, "colour": {Text: "red"}, "unique": {Text: "1"}, "cores": {Kind: schema.Bool, Text: "1"},
	})
	want := map[string]string{
		"vmid":       "property is missing and it is not optional",
		"ostemplate": "property is missing and it is not optional",
		"colour":     "property is not defined in schema and the schema does not allow additional properties",
		"restore":    "missing property required by 'unique'",
		"cores":      "type check ('integer') failed - got JSON::PP::Boolean",
	}
	if diff := cmp.Diff(want, faults); diff != "" {
		t.Error(diff)
	}
}

func TestPropertyStringsArePrintedInCanonicalOrder(t *testing.T) {
	params := createParams(t)
	for _, test := range []struct{ key, in, want string }{
		{"net0", "tag=5,ip=10.0.0.5/24,bridge=vmbr0,firewall=yes,name=eth0", "name=eth0,bridge=vmbr0,firewall=1,ip=10.0.0.5/24,tag=5"},
		{"mp0", "backup=1,mp=/data,volume=local:1", "local:1,mp=/data,backup=1"},
		{"rootfs", "ro=0,local:100/vm-100-disk-0.raw", "local:100/vm-100-disk-0.raw,ro=0"},
	} {
		props := params.Lookup(test.key).Format.Props
		values, err := schema.ParseString(props, test.in, test.key)
		if err != nil {
			t.Errorf("%s: %v", test.in, err)
			continue
		}
		if got := schema.PrintString(props, values); got != test.want {
			t.Errorf("%s printed as %s, want %s", test.in, got, test.want)
		}
	}
}

func TestNullIsNeitherCheckedNorAbsent(t *testing.T) {
	values, err := schema.ParseJSON([]byte(`{"node":"pve1","vmid":100,"ostemplate":"x","onboot":null,"cpulimit":1.5,"swap":2.0}`))
	if err != nil {
		t.Fatal(err)
	}
	texts, faults := schema.Check(createParams(t), values)
	if len(faults) > 0 {
		t.Fatalf("faults: %v", faults)
	}
	want := map[string]string{"node": "pve1", "vmid": "100", "ostemplate": "x", "onboot": "", "cpulimit": "1.5", "swap": "2"}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Error(diff)
	}
}
