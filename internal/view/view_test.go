package view

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
)

func shown(name string, phase, vmid int32, state, message string) v1alpha1.NixMoxService {
	svc := v1alpha1.NixMoxService{ObjectMeta: metav1.ObjectMeta{Name: name}}
	svc.Status = v1alpha1.NixMoxServiceStatus{Phase: phase, VMID: vmid, State: state,
		Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Message: message}}}
	return svc
}

func TestFrame(t *testing.T) {
	host := &v1alpha1.NixMoxHost{}
	host.Status.Phases = []v1alpha1.PhaseStatus{{Number: 1, Name: "infrastructure"}, {Number: 2, Name: "identity"}}
	services := []v1alpha1.NixMoxService{
		shown("dns", 1, 900, "Running", "Healthy: the command succeeded"),
		shown("postgresql", 1, 901, "Creating", "Creating container 901 on pve1"),
		shown("authentik", 2, 0, "Waiting", "Waiting for postgresql to be ready"),
		shown("broken", 2, 0, "Stalled", "Circular dependency detected: broken"),
	}
	want := strings.Join([]string{
		"[█████░░░░░░░░░░░░░░░]  1/4 ready, 7 s",
		"phase 1  infrastructure",
		"  ✔ dns           900  Running   Healthy: the command succeeded",
		"  ▸ postgresql    901  Creating  Creating container 901 on pve1",
		"phase 2  identity",
		"  · authentik          Waiting   Waiting for postgresql to be r…",
		"  ✘ broken             Stalled   Circular dependency detected: …",
	}, "\n")
	if diff := cmp.Diff(want, strings.Join(Frame(host, services, 7*time.Second, 64, false), "\n")); diff != "" {
		t.Error(diff)
	}
}

func TestColourIsOnlyForTerminals(t *testing.T) {
	services := []v1alpha1.NixMoxService{shown("dns", 1, 900, "Running", "")}
	if text := strings.Join(Frame(nil, services, 0, 0, false), ""); strings.Contains(text, "\x1b") {
		t.Errorf("escape sequences without colour: %q", text)
	}
	if text := strings.Join(Frame(nil, services, 0, 0, true), ""); !strings.Contains(text, "\x1b[32m") {
		t.Errorf("no green: %q", text)
	}
}

func TestScreenWritesOnlyWhatChanged(t *testing.T) {
	var out bytes.Buffer
	s := NewScreen(&out)
	s.Draw([]string{"one", "two", "three"})
	out.Reset()
	s.Draw([]string{"one", "TWO"})
	if diff := cmp.Diff("\x1b[3A\n\r\x1b[2KTWO\n\x1b[0J", out.String()); diff != "" {
		t.Error(diff)
	}
}
