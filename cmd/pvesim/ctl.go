package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
)

const ctlUsage = `usage: pvesim ctl --control HOST:PORT VERB ...

  containers                      what is there, as JSON
  exec VMID -- COMMAND ARG...     run a command in a container; ends with its exit code
  start|stop|delete|unlock VMID   as by hand, behind the back of API clients (start makes a task of root@pam)
  lock VMID NAME                  set the configuration lock, such as backup
  edit VMID KEY=VALUE...          write configuration keys without checks; KEY= removes one
  healthy|unhealthy VMID [UNIT]   let a container's services answer, or not
  deaf VMID on|off                ignore shutdowns
  hold|release VMID               hold the file lock, as a worker that hangs does
  migrate VMID NODE               move a container, as somebody else's migration that has ended
  quorum on|off                   without quorum nothing of a container can be written
  node NAME up|down               take a node away: its calls answer 595
  acl WHO PATH [ROLE]             give a user or token a role on a path; without a role take it away
  guest JSON                      let a guest appear, as in the world file's containers
  fault JSON                      switch a fault on, for tasks or for calls:
                                    {"name":"a","taskType":"vzstart","vmid":100,"text":"it broke","times":1}
                                    {"name":"b","method":"POST","path":"/nodes/*/lxc","lost":true,"afterEffect":true}
                                  the fields are those of Fault in internal/pvesim/fault.go
  unfault [NAME]                  switch a fault off, or all
`

// control is `pvesim ctl`.
func control(args []string) error {
	flags := flag.NewFlagSet("pvesim ctl", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(os.Stderr, ctlUsage) }
	address := flags.String("control", "", "address of the control endpoint")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *address == "" || flags.NArg() == 0 {
		flags.Usage()
		return flag.ErrHelp
	}
	verb, body, err := request(flags.Arg(0), flags.Args()[1:])
	if err != nil {
		return err
	}
	answer, err := send(*address, verb, body)
	if err != nil {
		return err
	}
	if verb == "exec" {
		return finishExec(answer)
	}
	if text := strings.TrimSpace(string(answer)); text != "{}" {
		fmt.Println(text)
	}
	return nil
}

// request turns words into a control call.
func request(verb string, words []string) (string, map[string]any, error) {
	word := func(index int) string {
		if index < len(words) {
			return words[index]
		}
		return ""
	}
	switch verb {
	case "containers":
		return verb, map[string]any{}, nil
	case "unfault":
		return verb, map[string]any{"name": word(0)}, nil
	case "node":
		return verb, map[string]any{"node": word(0), "online": word(1) == "up"}, oneOf(word(1), "up", "down")
	case "quorum":
		return verb, map[string]any{"online": word(0) == "on"}, oneOf(word(0), "on", "off")
	case "acl":
		return verb, map[string]any{"who": word(0), "path": word(1), "role": word(2)}, nil
	case "guest", "fault":
		return verb, map[string]any{verb: json.RawMessage(word(0))}, nil
	}
	vmid, err := strconv.Atoi(word(0))
	if err != nil {
		return "", nil, fmt.Errorf("ctl %s: %q is no VMID", verb, word(0))
	}
	body := map[string]any{"vmid": vmid}
	switch verb {
	case "start", "stop", "delete", "unlock", "hold", "release":
	case "migrate":
		body["node"] = word(1)
	case "lock":
		body["lock"] = word(1)
	case "healthy", "unhealthy":
		body["healthy"], body["unit"] = verb == "healthy", word(1)
		verb = "health"
	case "deaf":
		body["deaf"] = word(1) == "on"
		err = oneOf(word(1), "on", "off")
	case "edit":
		keys := make(map[string]string)
		for _, pair := range words[1:] {
			key, value, _ := strings.Cut(pair, "=")
			keys[key] = value
		}
		body["keys"] = keys
	case "exec":
		command := words[1:]
		if len(command) > 0 && command[0] == "--" {
			command = command[1:]
		}
		body["command"] = command
	default:
		return "", nil, fmt.Errorf("ctl: there is no verb %q; see pvesim ctl --help", verb)
	}
	return verb, body, err
}

func oneOf(word string, allowed ...string) error {
	for _, one := range allowed {
		if word == one {
			return nil
		}
	}
	return fmt.Errorf("ctl: say %s, not %q", strings.Join(allowed, " or "), word)
}

func send(address, verb string, body map[string]any) ([]byte, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("ctl %s: %w", verb, err)
	}
	url := strings.TrimSuffix(address, "/")
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	response, err := http.Post(url+"/"+verb, "application/json", bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("ctl %s: %w; is pvesim running with --control?", verb, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("ctl %s: %w", verb, err)
	}
	if response.StatusCode != http.StatusOK {
		var failure struct {
			Error string `json:"error"`
		}
		if json.Unmarshal(answer, &failure) == nil && failure.Error != "" {
			return nil, fmt.Errorf("ctl %s: %s", verb, failure.Error)
		}
		return nil, fmt.Errorf("ctl %s: the control endpoint answered %s", verb, response.Status)
	}
	return answer, nil
}

// finishExec ends as the command did.
func finishExec(answer []byte) error {
	var result struct {
		ExitCode       int
		Stdout, Stderr string
	}
	if err := json.Unmarshal(answer, &result); err != nil {
		return errors.New("ctl exec: the answer cannot be read")
	}
	fmt.Print(result.Stdout)
	fmt.Fprint(os.Stderr, result.Stderr)
	if result.ExitCode != 0 {
		os.Exit(result.ExitCode)
	}
	return nil
}
