package health

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/nixmox/nixmox-controller/internal/guest"
)

// own is the container's address in these tests; the Prober of the tests dials
// 127.0.0.1 for it and for elsewhere, and nothing for any other.
const (
	own       = "192.0.2.10"
	elsewhere = "198.51.100.7"
)

func testProber() *Prober {
	return &Prober{Rewrite: func(a netip.Addr) (netip.Addr, error) {
		if a.String() == own || a.String() == elsewhere {
			return netip.MustParseAddr("127.0.0.1"), nil
		}
		return netip.Addr{}, fmt.Errorf("%s is not for this test", a)
	}}
}

func testTarget() Target {
	return Target{Address: netip.MustParseAddr(own), Hostname: "db.example.com", Node: "pve1", VMID: 911}
}

func mustParse(t testing.TB, text string) Check {
	t.Helper()
	c, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// quick is a time-out short enough for probes that are meant to run into it, and
// long enough for all others on a busy machine.
const quick, patient = 150 * time.Millisecond, 20 * time.Second

func wantResult(t *testing.T, got Result, outcome Outcome, part string) {
	t.Helper()
	if got.Outcome != outcome || !strings.Contains(got.Message, part) {
		t.Errorf("%v: %q, want %v with %q", got.Outcome, got.Message, outcome, part)
	}
}

// listen serves each connection with serve and returns the port.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer func() { _ = conn.Close() }(); serve(conn) }()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// refusingPort is one that nobody listens on.
func refusingPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_ = l.Close()
	return port
}

func TestTCPProbe(t *testing.T) {
	open := listen(t, func(net.Conn) {})
	closed := refusingPort(t)
	tests := []struct {
		check   string
		outcome Outcome
		message string
	}{
		{"tcp:" + open, Passed, "connected to " + own + ":" + open},
		{"tcp:" + own + ":" + open, Passed, "connected to " + own},
		{"tcp:DB.example.com:" + open, Passed, "connected to " + own},
		{"tcp:" + closed, Failed, "connection refused by " + own + ":" + closed},
		{"tcp:localhost:" + open, Passed, "asked from outside: commands inside containers are not configured"},
		{"tcp:[::1]:" + closed, Failed, "asked from outside"},
	}
	for _, tt := range tests {
		r := testProber().Probe(t.Context(), mustParse(t, tt.check), testTarget(), Limits{Timeout: patient})
		wantResult(t, r, tt.outcome, tt.message)
	}
}

func TestProbesGoToTheContainerOrWhereThePolicySays(t *testing.T) {
	open := listen(t, func(net.Conn) {})
	tests := []struct {
		says, check string
		change      func(*Target)
		outcome     Outcome
		final       bool
		message     string
	}{
		{"a foreign address", "tcp:" + elsewhere + ":" + open, func(*Target) {}, NotRun, true, "policy.probeHosts"},
		{"a foreign name", "http://pve1.lan:8006/", func(*Target) {}, NotRun, true, "not asked: pve1.lan is neither"},
		{"an allowed address", "tcp:" + elsewhere + ":" + open, func(t *Target) { t.AllowedHosts = []string{"x", elsewhere} }, Passed, false, elsewhere},
		{"an allowed prefix", "tcp:" + elsewhere + ":" + open, func(t *Target) { t.AllowedHosts = []string{"198.51.100.0/24"} }, Passed, false, elsewhere},
		{"a prefix that does not hold it", "tcp:" + elsewhere + ":" + open, func(t *Target) { t.AllowedHosts = []string{"198.51.101.0/24"} }, NotRun, true, "not asked"},
		{"an allowed address outside the development map", "tcp:203.0.113.1:" + open, func(t *Target) { t.AllowedHosts = []string{"203.0.113.1"} }, NotRun, true, "not for this test"},
		{"no address yet", "tcp:" + open, func(t *Target) { t.Address = netip.Addr{} }, NotRun, false, "not known yet"},
		{"the controller's loopback as a container", "tcp:" + open, func(t *Target) { t.Address = netip.MustParseAddr("127.0.0.1") }, NotRun, true, "not an address"},
		{"the cloud's metadata as a container", "http://169.254.169.254/", func(t *Target) { t.Address = netip.MustParseAddr("169.254.169.254") }, NotRun, true, "not an address"},
		{"a mapped loopback as a container", "tcp:" + open, func(t *Target) { t.Address = netip.MustParseAddr("::ffff:127.0.0.1") }, NotRun, true, "not an address"},
		{"a name that is allowed and does not resolve", "tcp:nowhere.invalid:1", func(t *Target) { t.AllowedHosts = []string{"nowhere.invalid"} }, NotRun, false, "does not resolve"},
	}
	for _, tt := range tests {
		t.Run(tt.says, func(t *testing.T) {
			target := testTarget()
			tt.change(&target)
			r := testProber().Probe(t.Context(), mustParse(t, tt.check), target, Limits{Timeout: patient})
			wantResult(t, r, tt.outcome, tt.message)
			if r.Final != tt.final {
				t.Errorf("Final = %v, want %v", r.Final, tt.final)
			}
		})
	}
}

func TestTheMessagesOfConnectionsThatHang(t *testing.T) {
	limits := Limits{Timeout: 10 * time.Second, Connect: time.Second}
	to := destination{dial: "127.0.0.1:1", name: own + ":80"}
	hung := &net.OpError{Op: "dial", Err: context.DeadlineExceeded}
	wantResult(t, explain(fmt.Errorf("%w: %w", errDial, hung), to, limits), Failed, "no connection to 192.0.2.10:80 within 1s")
	wantResult(t, explain(hung, to, limits), Failed, "no answer from 192.0.2.10:80 within 10s")
	other := explain(&net.OpError{Op: "read", Source: &net.TCPAddr{Port: 54321}, Err: errors.New("odd")}, to, limits)
	wantResult(t, other, Failed, own+":80: odd")
}

func TestRunningNeedsNoProbe(t *testing.T) {
	wantResult(t, testProber().Probe(t.Context(), Check{}, Target{}, Limits{Timeout: patient}), Passed, "running")
}

// executorFunc is a guest.Executor for one test.
type executorFunc func(ctx context.Context, c guest.Container, script string) (guest.Result, error)

func (f executorFunc) Run(ctx context.Context, c guest.Container, script string) (guest.Result, error) {
	return f(ctx, c, script)
}

// quietLog swallows what a test's server says of handshakes that are meant to fail.
var quietLog = log.New(io.Discard, "", 0)
