package docs

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

const tutorial = "getting-started.md"

// What the tutorial calls the reader's own.
const (
	yourEndpoint    = "https://pve1.example.com:8006"
	yourFingerprint = "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
	yourAddress     = "127.0.0.1:6443"
)

// The page is followed word by word, on a Proxmox that gives the access that its pveum commands give, and no more.
func TestTheTutorial(t *testing.T) {
	page := commands(read(t, filepath.Join(root, "docs", tutorial)))
	s := newSession(t)
	var pveum []string
	for _, c := range page {
		if strings.HasPrefix(c.text, "pveum ") {
			pveum = append(pveum, c.text)
		}
	}
	url, fingerprint, calls := serve(t, pveum)
	s.yours = strings.NewReplacer(yourEndpoint, url, yourFingerprint, fingerprint, yourAddress, "127.0.0.1:0")
	for _, c := range page {
		switch {
		case excused(c.text):
		case strings.HasPrefix(c.text, "nixmox up "):
			s.background(c)
		default:
			s.run(c)
		}
	}
	for _, e := range calls() {
		if e.Status == http.StatusForbidden {
			t.Errorf("the role of step 1 does not allow %s %s", e.Method, e.Path)
		}
	}
}

// serve is the simulated Proxmox, its certificate's fingerprint, and what it was asked.
func serve(t *testing.T, pveum []string) (url, fingerprint string, calls func() []calllog.Entry) {
	t.Helper()
	log := &record{}
	sim, err := pvesim.New(worldOf(t, pveum), pvesim.Options{CallLog: log})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(sim.Handler())
	t.Cleanup(func() {
		server.Close()
		sim.Close()
	})
	return server.URL, proxmox.Fingerprint(server.Certificate()), log.entries
}

// record keeps the call log.
type record struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.data.Write(p)
}

func (r *record) entries() []calllog.Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	entries, _ := calllog.Read(bytes.NewReader(r.data.Bytes()))
	return entries
}
