package nixmox_test

import (
	"encoding/json"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/nixmox/nixmox-controller/internal/nixmox"
)

var options = nixmox.Options{Host: "default", Endpoints: []string{"https://pve:8006"}, SecretName: "c", Instance: "nixmox", Template: "local:vztmpl/x", Storage: "local", Bridge: "vmbr0"}

// Whatever the manifest, converting it does not fail badly, what comes out is YAML, and every key of every service is either read or
// named in a note or a problem.
func FuzzConvert(f *testing.F) {
	for _, seed := range []string{
		`{"services":{"a":{"ip":"10.0.0.1","depends_on":["b"],"resources":{"memory":"2GB","cpu":"2 cores","disk_gb":20}}},"network":{"network_cidr":"10.0.0.0/24"}}`,
		`{"services":{"nixmox":{"core_services":{"x_y":{"ports":{"a":80},"volumes":["/a:/b"],"interface":{"health":{"startup":"x"},"db":{}}}}}}}`,
		`{"deployment_phases":{"phase2":["a"],"phase10":{"services":["b"],"order":1}},"services":{"a":null,"b":7}}`,
		`[]`, `{"services":[]}`, `{"nixmox":{"health_checks":{"a":{"command":"x","retries":1e3}}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		result, err := nixmox.Convert(data, options)
		if err != nil {
			return
		}
		for _, o := range result.Objects {
			if _, err := yaml.Marshal(o.Content); err != nil {
				t.Errorf("%s is not YAML: %v", o.Name, err)
			}
		}
		told := ""
		for _, n := range append(result.Notes, result.Problems...) {
			told += n.String() + "\n"
		}
		var manifest struct {
			Services map[string]map[string]json.RawMessage `json:"services"`
		}
		if json.Unmarshal(data, &manifest) != nil || manifest.Services["nixmox"] != nil || len(result.Problems) > 0 {
			return
		}
		for service, keys := range manifest.Services {
			for key, value := range keys {
				unknown := strings.HasPrefix(key, "zz") && string(value) != "null"
				if unknown && !strings.Contains(told, key) {
					t.Errorf("services.%s.%s was dropped in silence:\n%s", service, key, told)
				}
			}
		}
	})
}

func TestUnknownKeysAreNamedWithTheirPath(t *testing.T) {
	result, err := nixmox.Convert([]byte(`{"services":{"a":{"ip":"10.0.0.1","zz":1,"resources":{"gpu":1},"interface":{"health":{"nice":1},"db":{"port":1}}}},
		"network":{"network_cidr":"10.0.0.0/24","mtu":9000},"extra":{},"health_checks":{"nobody":"x"}}`), options)
	if err != nil || len(result.Problems) > 0 {
		t.Fatal(err, result.Problems)
	}
	told := ""
	for _, n := range result.Notes {
		told += n.Path + "\n"
	}
	for _, path := range []string{"services.a.zz", "services.a.resources.gpu", "services.a.interface.health.nice", "services.a.interface.db", "network.mtu", "extra", "health_checks.nobody"} {
		if !strings.Contains(told, path+"\n") {
			t.Errorf("%s is not among the notes:\n%s", path, told)
		}
	}
}
