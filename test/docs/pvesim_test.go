package docs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// simulator is the page about pvesim.
const simulator = "pvesim.md"

func simulatorPage(t *testing.T) string { return read(t, filepath.Join(root, "docs", simulator)) }

// blocks are the page's code blocks of one language.
func blocks(page, language string) []string {
	var found []string
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(page, -1) {
		found = append(found, m[1])
	}
	return found
}

// reader has the page's world.json and bin/pvesim in a folder.
func reader(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-o", filepath.Join(folder, "bin", "pvesim"), "./cmd/pvesim")
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build pvesim: %v\n%s", err, said)
	}
	worldFile(t, folder)
	return folder
}

func worldFile(t *testing.T, folder string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, "world.json"), []byte(blocks(simulatorPage(t), "json")[0]), 0o600); err != nil {
		t.Fatal(err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// The page's commands, one after the other in one shell, print what the page says; "..." stands for anything.
func TestTheSimulatorsCommands(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl")
	}
	yours := strings.NewReplacer("--world", "--listen 127.0.0.1:8006 --world")
	ports := strings.NewReplacer("127.0.0.1:8006", freePort(t), "127.0.0.1:8007", freePort(t))
	page := commands(simulatorPage(t))
	script := "exec 2>&1\ntrap 'kill $pvesim; wait' EXIT\n"
	for i, c := range page {
		text, background := strings.CutSuffix(ports.Replace(yours.Replace(c.text)), " &")
		if background {
			text += " >line & pvesim=$!\nuntil [ -s line ]; do kill -0 $pvesim || exit 1; sleep 0.02; done\ncat line"
		}
		script += fmt.Sprintf("%s\nprintf '\\n== %d\\n'\n", text, i)
	}
	shell := exec.CommandContext(t.Context(), "sh", "-c", script)
	shell.Dir = reader(t)
	output, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	rest := strings.ReplaceAll(string(output), "\r", "")
	for i, c := range page {
		said, after, _ := strings.Cut(rest, fmt.Sprintf("\n== %d\n", i))
		rest = after
		want := regexp.QuoteMeta(ports.Replace(strings.TrimSpace(strings.Join(c.output, "\n"))))
		want = "(?s)^" + strings.ReplaceAll(want, `\.\.\.`, ".*") + "$"
		if !regexp.MustCompile(want).MatchString(strings.TrimSpace(said)) {
			t.Errorf("%s:%d: %s\nprints:\n%s\nand the page says:\n%s", simulator, c.line, c.text, said, strings.Join(c.output, "\n"))
		}
	}
}

var controlRow = regexp.MustCompile("(?m)^\\| `([a-z][^`]*)` \\| `/([a-z]+) ([^`]*)` \\|")

// Each row of the control table works as a command and as a call.
func TestTheSimulatorsControlTable(t *testing.T) {
	rows := controlRow.FindAllStringSubmatch(simulatorPage(t), -1)
	if len(rows) < 20 {
		t.Fatalf("the table has %d rows", len(rows))
	}
	folder := reader(t)
	program := filepath.Join(folder, "bin", "pvesim")
	for sentence, run := range map[string]func(control string, row []string) error{
		"as a command": func(control string, row []string) error {
			verb, argument, isJSON := strings.Cut(row[1], " {")
			words := strings.Fields(verb)
			if isJSON {
				words = append(words, "{"+argument)
			}
			said, err := exec.CommandContext(t.Context(), program, append([]string{"ctl", "--control", control}, words...)...).CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w: %s", err, said)
			}
			return nil
		},
		"as a call": func(control string, row []string) error { return post(t, control, row[2], row[3]) },
	} {
		t.Run(sentence, func(t *testing.T) {
			control := freePort(t)
			startPvesim(t, program, filepath.Join(folder, "world.json"), "--control", control)
			for _, row := range rows {
				if err := run(control, row); err != nil {
					t.Errorf("%s: %v", row[0], err)
				}
			}
		})
	}

	help, _ := exec.CommandContext(t.Context(), program, "ctl", "--help").CombinedOutput()
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z|]+)`).FindAllStringSubmatch(string(help), -1) {
		for _, verb := range strings.Split(m[1], "|") {
			if !strings.Contains(simulatorPage(t), "\n| `"+verb) {
				t.Errorf("the table does not have %s, which pvesim ctl --help has", verb)
			}
		}
	}
}

func post(t *testing.T, control, verb, body string) error {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+control+"/"+verb, strings.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var said bytes.Buffer
	_, err = said.ReadFrom(answer.Body)
	if answer.StatusCode != http.StatusOK || !json.Valid(said.Bytes()) {
		return fmt.Errorf("%s %s %w", answer.Status, said.String(), err)
	}
	return err
}

func TestTheSimulatorsFieldsAndFlagsAreExplained(t *testing.T) {
	page := simulatorPage(t)
	explained := func(what, name string) {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("the page does not explain %s `%s`", what, name)
		}
	}
	for _, about := range []any{
		pvesim.World{}, pvesim.Node{}, pvesim.Storage{}, pvesim.Template{}, pvesim.Bridge{}, pvesim.User{}, pvesim.Token{}, pvesim.Guest{},
		pvesim.Service{}, pvesim.HTTPService{}, pvesim.TCPService{}, pvesim.Version{}, pvesim.Fault{}, calllog.Entry{},
	} {
		structure := reflect.TypeOf(about)
		for i := range structure.NumField() {
			if name, _, _ := strings.Cut(structure.Field(i).Tag.Get("json"), ","); name != "" {
				explained(structure.Name(), name)
			}
		}
	}
	help, _ := exec.CommandContext(t.Context(), filepath.Join(reader(t), "bin", "pvesim"), "--help").CombinedOutput()
	for _, m := range regexp.MustCompile(`(?m)^  -([a-z-]+)`).FindAllStringSubmatch(string(help), -1) {
		if !strings.Contains(page, "| `--"+m[1]) {
			t.Errorf("the page does not explain the flag --%s", m[1])
		}
	}
}
