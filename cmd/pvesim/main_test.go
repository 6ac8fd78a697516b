package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const world = `{
  "node": {"name": "pve1"},
  "storages": {"local": {"type": "dir", "content": ["rootdir"]}},
  "users": {"root@pam": {}},
  "containers": [{"vmid": 100, "config": {"hostname": "web", "lock": "backup"}, "running": true}]
}`

// TestMain lets the test's own binary be pvesim.
func TestMain(m *testing.M) {
	if os.Getenv("PVESIM_TEST_MAIN") == "" {
		os.Exit(m.Run())
	}
	main()
}

func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0], args...)
	command.Env = append(os.Environ(), "PVESIM_TEST_MAIN=1")
	return command
}

func worldFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "world.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// started runs pvesim until the test ends; it returns the line that it prints.
func started(t *testing.T, args ...string) (line string, command *exec.Cmd) {
	t.Helper()
	command = program(t, args...)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	line, err = bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatalf("pvesim said nothing: %v", err)
	}
	return strings.TrimSpace(line), command
}

var (
	listening = regexp.MustCompile(`^pvesim: listening on (https?)://(127\.0\.0\.1:\d+) \(world (.*)\)`)
	controls  = regexp.MustCompile(`, control http://(127\.0\.0\.1:\d+)$`)
)

func TestItSaysWhereItListensAndEndsOnSIGTERM(t *testing.T) {
	path := worldFile(t, world)
	line, command := started(t, "--world", path, "--listen", "127.0.0.1:0")
	match := listening.FindStringSubmatch(line)
	if match == nil || match[1] != "http" || match[3] != path || !strings.HasSuffix(line, ")") {
		t.Errorf("it says %q", line)
	}
	begin := time.Now()
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil || time.Since(begin) > 5*time.Second {
		t.Errorf("it ended after %s with %v", time.Since(begin), err)
	}
}

func TestTheFingerprintIsThatOfItsCertificate(t *testing.T) {
	line, _ := started(t, "--world", worldFile(t, world), "--listen", "127.0.0.1:0", "--tls")
	match := listening.FindStringSubmatch(line)
	if match == nil || match[1] != "https" {
		t.Fatalf("it says %q", line)
	}
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
	connection, err := dialer.DialContext(t.Context(), "tcp", match[2])
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	sum := sha256.Sum256(connection.(*tls.Conn).ConnectionState().PeerCertificates[0].Raw)
	want := strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":")
	if !strings.Contains(line, "fingerprint "+want) {
		t.Errorf("it says %q, want fingerprint %s", line, want)
	}
}

func TestCtlChangesARunningSimulator(t *testing.T) {
	line, _ := started(t, "--world", worldFile(t, world), "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0")
	match := controls.FindStringSubmatch(line)
	if match == nil {
		t.Fatalf("it says %q", line)
	}
	for _, test := range []struct {
		args string
		code int
		out  string
	}{
		{"containers", 0, `"lock":"backup"`},
		{"unlock 100", 0, ""},
		{"exec 100 -- hostname", 0, "web\n"},
		{"exec 100 -- sh -c exit\t7", 7, ""},
		{"edit 100 memory=64 hostname=", 0, ""},
		{"containers", 0, `"memory":"64"`},
		{"stop 100", 0, ""},
		{"exec 100 -- hostname", 255, "container '100' not running!"},
		{"unlock 101", 1, "there is no container 101"},
		{"node pve1 sideways", 1, "say up or down"},
		{"fly 100", 1, `there is no verb "fly"`},
	} {
		words := strings.Split("ctl --control "+match[1]+" "+test.args, " ")
		for i := range words {
			words[i] = strings.ReplaceAll(words[i], "\t", " ")
		}
		command := program(t, words...)
		var output bytes.Buffer
		command.Stdout, command.Stderr = &output, &output
		_ = command.Run() // the exit code says it
		if code := command.ProcessState.ExitCode(); code != test.code || !strings.Contains(output.String(), test.out) {
			t.Errorf("ctl %s ended with %d and %q", test.args, code, output.String())
		}
	}
}

func TestItRefusesWhatCannotWork(t *testing.T) {
	good := worldFile(t, world)
	for sentence, test := range map[string]struct {
		args []string
		want string
	}{
		"no world":                  {nil, "give --world FILE"},
		"a field that is not there": {[]string{"--world", worldFile(t, `{"nods": []}`)}, `unknown field "nods"`},
		"an open control endpoint":  {[]string{"--world", good, "--listen", "127.0.0.1:0", "--control", "0.0.0.0:0"}, "0.0.0.0 is no loopback address"},
		"an unknown release":        {[]string{"--world", good, "--pve", "7.4"}, `no parameter table for Proxmox VE "7.4"`},
		"time that runs backwards":  {[]string{"--world", good, "--time-scale", "-1"}, "time scale -1 must be positive"},
	} {
		t.Run(sentence, func(t *testing.T) {
			output, err := program(t, test.args...).CombinedOutput()
			if err == nil || !strings.Contains(string(output), test.want) {
				t.Errorf("it ended with %v and said %q", err, output)
			}
		})
	}
}

func TestEachNodeHasAPortOfItsOwn(t *testing.T) {
	two := `{"nodes": [{"name": "pve1"}, {"name": "pve2"}], "storages": {"local": {"type": "dir", "content": ["rootdir"]}}, "users": {"root@pam": {"acl": {"/": "Administrator"}}},
		"tokens": {"lab": {"id": "root@pam!lab", "secret": "11"}}}`
	line, _ := started(t, "--world", worldFile(t, two), "--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0")
	urls := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindAllString(line, -1)
	if len(urls) != 3 || !strings.Contains(line, ", node pve2 on "+urls[1]) {
		t.Fatalf("it says %q", line)
	}
	ask := func(url string) (*http.Response, error) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api2/json/nodes/localhost/status", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "PVEAPIToken=root@pam!lab=11")
		return http.DefaultClient.Do(request)
	}
	if err := control([]string{"--control", urls[2], "node", "pve2", "down"}); err != nil {
		t.Fatal(err)
	}
	if answer, err := ask(urls[0]); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("the first node answers %v, %v", answer, err)
	}
	if answer, err := ask(urls[1]); err == nil {
		t.Errorf("the node that is away answers %s", answer.Status)
	}
	if err := control([]string{"--control", urls[2], "node", "pve2", "up"}); err != nil {
		t.Fatal(err)
	}
	if answer, err := ask(urls[1]); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("the node that is back answers %v, %v", answer, err)
	}
}
