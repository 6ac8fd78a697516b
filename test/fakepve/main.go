// Command fakepve is the pct and the pvesh of a Proxmox node, for the tests of our scripts and as far as they use them: a link to it with
// one of these names speaks to a simulator over HTTP. The calls are what the real programs would do on the node.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// What the environment says: where the simulator and its control endpoint are, the token to use, and where calls are written down.
const (
	fakeURL, fakeControl, fakeToken, fakeLog = "NIXMOX_FAKE_URL", "NIXMOX_FAKE_CONTROL", "NIXMOX_FAKE_TOKEN", "NIXMOX_FAKE_LOG"
	fakeNode                                 = "pve1"
)

func main() {
	name, args := filepath.Base(os.Args[0]), os.Args[1:]
	logCall(append([]string{name}, args...))
	var code int
	var err error
	switch name {
	case "pct":
		code, err = pct(args)
	case "pvesh":
		err = pvesh(args)
	default:
		err = fmt.Errorf("call it as pct or pvesh, not as %s", name)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	os.Exit(code)
}

func logCall(words []string) {
	f, err := os.OpenFile(os.Getenv(fakeLog), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	line, _ := json.Marshal(words)
	_, _ = f.Write(append(line, '\n'))
}

// options reads --key value pairs.
func options(args []string) url.Values {
	values := url.Values{}
	for i := 0; i+1 < len(args); i += 2 {
		values.Set(strings.TrimPrefix(args[i], "--"), args[i+1])
	}
	return values
}

func pct(args []string) (int, error) {
	if len(args) < 2 {
		return 2, fmt.Errorf("pct: too few arguments")
	}
	container := "/nodes/" + fakeNode + "/lxc/" + args[1]
	switch args[0] {
	case "create":
		params := options(args[3:])
		params.Set("vmid", args[1])
		params.Set("ostemplate", args[2])
		if file := params.Get("ssh-public-keys"); file != "" {
			keys, err := os.ReadFile(file)
			if err != nil {
				return 2, err
			}
			params.Set("ssh-public-keys", strings.TrimRight(string(keys), "\n"))
		}
		return 0, task(http.MethodPost, "/nodes/"+fakeNode+"/lxc", params)
	case "start":
		return 0, task(http.MethodPost, container+"/status/start", nil)
	case "shutdown":
		return 0, task(http.MethodPost, container+"/status/shutdown", options(args[2:]))
	case "destroy":
		return 0, task(http.MethodDelete, container+"?"+options(args[2:]).Encode(), nil)
	case "exec":
		if len(args) < 6 || args[2] != "--keep-env" || args[4] != "--" {
			return 2, fmt.Errorf("pct exec: unexpected arguments %q", args)
		}
		return execIn(args[1], args[5:])
	}
	return 2, fmt.Errorf("pct: unknown command %s", args[0])
}

func execIn(vmid string, command []string) (int, error) {
	body, err := json.Marshal(map[string]any{"vmid": json.Number(vmid), "command": command})
	if err != nil {
		return 2, err
	}
	answer, err := http.Post(os.Getenv(fakeControl)+"/exec", "application/json", bytes.NewReader(body))
	if err != nil {
		return 2, err
	}
	defer answer.Body.Close()
	var result struct {
		ExitCode       int
		Stdout, Stderr string
	}
	if err := json.NewDecoder(answer.Body).Decode(&result); err != nil {
		return 2, err
	}
	fmt.Print(result.Stdout)
	fmt.Fprint(os.Stderr, result.Stderr)
	return result.ExitCode, nil
}

func pvesh(args []string) error {
	params := options(args[2:])
	params.Del("output-format")
	if args[0] == "create" {
		return task(http.MethodPost, args[1], params)
	}
	data, err := call(http.MethodGet, args[1]+"?"+params.Encode(), nil)
	if err != nil {
		return err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		return err
	}
	fmt.Println(compact.String())
	return nil
}

// task makes a call and waits for the task that it started, as pct does.
func task(method, path string, params url.Values) error {
	data, err := call(method, path, params)
	if err != nil {
		return err
	}
	var upid string
	if json.Unmarshal(data, &upid) != nil || !strings.HasPrefix(upid, "UPID:") {
		return nil
	}
	for {
		data, err := call(http.MethodGet, "/nodes/"+strings.Split(upid, ":")[1]+"/tasks/"+url.PathEscape(upid)+"/status", nil)
		if err != nil {
			return err
		}
		var status struct{ Status, Exitstatus string }
		if err := json.Unmarshal(data, &status); err != nil {
			return err
		}
		if status.Status == "stopped" {
			if status.Exitstatus != "OK" && !strings.HasPrefix(status.Exitstatus, "WARNINGS") {
				return fmt.Errorf("%s", status.Exitstatus)
			}
			return nil
		}
		time.Sleep(10 * time.Millisecond) // between two questions, as pct does
	}
}

func call(method, path string, params url.Values) (json.RawMessage, error) {
	request, err := http.NewRequest(method, os.Getenv(fakeURL)+"/api2/json"+path, strings.NewReader(params.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "PVEAPIToken="+os.Getenv(fakeToken))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode >= 300 {
		return nil, fmt.Errorf("%s: %s", answer.Status, body)
	}
	var reply struct{ Data json.RawMessage }
	return reply.Data, json.Unmarshal(body, &reply)
}
