package argocd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
	"sigs.k8s.io/yaml"
)

// checks are the Lua texts of the settings, by key.
func checks(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "config", "argocd", "argocd-cm.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var settings struct {
		Data map[string]string `json:"data"`
	}
	if err := yaml.UnmarshalStrict(text, &struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Metadata   map[string]string `json:"metadata"`
		Data       *map[string]string
	}{Data: &settings.Data}); err != nil {
		t.Fatal(err)
	}
	return settings.Data
}

// judge runs a check as Argo CD does: the object is the global obj, and the script returns a table.
func judge(t *testing.T, script, object string) (status, message string) {
	t.Helper()
	var obj map[string]any
	if err := yaml.Unmarshal([]byte(object), &obj); err != nil {
		t.Fatal(err)
	}
	state := lua.NewState()
	defer state.Close()
	state.SetGlobal("obj", value(state, obj))
	if err := state.DoString(script); err != nil {
		t.Fatal(err)
	}
	result, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		t.Fatalf("the check returns %s", state.Get(-1).Type())
	}
	return result.RawGetString("status").String(), result.RawGetString("message").String()
}

func value(state *lua.LState, v any) lua.LValue {
	switch v := v.(type) {
	case map[string]any:
		table := state.NewTable()
		for key, one := range v {
			table.RawSetString(key, value(state, one))
		}
		return table
	case []any:
		table := state.NewTable()
		for _, one := range v {
			table.Append(value(state, one))
		}
		return table
	case string:
		return lua.LString(v)
	case bool:
		return lua.LBool(v)
	case float64:
		return lua.LNumber(v)
	}
	return lua.LNil
}

func object(generation, observed, conditions string, more ...string) string {
	return "metadata: {name: a, generation: " + generation + strings.Join(more, "") + "}\nspec: {}\n" +
		"status: {observedGeneration: " + observed + ", conditions: [" + conditions + "]}\n"
}

func TestEachSituationIsWhatItShouldBe(t *testing.T) {
	const (
		isReady     = `{type: Ready, status: "True", reason: Healthy, message: said}`
		isNot       = `{type: Ready, status: "False", reason: Whatever, message: said}`
		isUnknown   = `{type: Ready, status: "Unknown", reason: HostUnreachable, message: said}`
		reconciling = `, {type: Reconciling, status: "True", reason: Whatever, message: said}`
		stalled     = `, {type: Stalled, status: "True", reason: Whatever, message: said}`
	)
	found := checks(t)
	if len(found) != 2 {
		t.Fatalf("%d checks", len(found))
	}
	for key, script := range found {
		if key != "resource.customizations.health.nixmox.dev_NixMoxService" && key != "resource.customizations.health.nixmox.dev_NixMoxHost" {
			t.Errorf("Argo CD does not know the key %s", key)
		}
		for _, c := range []struct{ situation, object, want string }{
			{"nobody looked yet", object("1", "-1", isUnknown), "Progressing"},
			{"no status at all", "metadata: {name: a, generation: 1}\nspec: {}\n", "Progressing"},
			{"waits, or a task runs", object("1", "1", isNot+reconciling), "Progressing"},
			{"Proxmox cannot be asked", object("1", "1", isUnknown+reconciling), "Progressing"},
			{"only an edit helps", object("1", "1", isNot+stalled), "Degraded"},
			{"ill, stopped or gone", object("1", "1", isNot), "Degraded"},
			{"healthy, or disabled", object("1", "1", isReady), "Healthy"},
			{"healthy by the spec before this one", object("2", "1", isReady), "Progressing"},
			{"being deleted", object("2", "2", isReady, `, deletionTimestamp: "2026-01-01T00:00:00Z"`), "Progressing"},
			{"suspended", strings.Replace(object("1", "1", isReady), "spec: {}", "spec: {suspend: true}", 1), "Suspended"},
		} {
			status, message := judge(t, script, c.object)
			if status != c.want {
				t.Errorf("%s: %s: %s, want %s", key, c.situation, status, c.want)
			}
			if message == "" || strings.Contains(c.object, "conditions") && status != "Progressing" && message != "said" {
				t.Errorf("%s: %s says %q", key, c.situation, message)
			}
		}
	}
}
