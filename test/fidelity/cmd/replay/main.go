// Command replay holds an endpoint that claims to be Proxmox VE against recordings of a real one, or records it. See
// test/fidelity/README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/nixmox/nixmox-controller/test/fidelity"
)

const usage = `usage: replay compare --endpoint URL [flags]             run the scenarios, show what differs from the recordings
       replay record  --endpoint URL --recordings DIR   run the scenarios, write down what was answered
       replay list                                      names, step counts and titles of the scenarios

compare ends with "N of M steps equal", and with 0 only if all are. The endpoint must hold what world.json describes and
no container with a VMID of a scenario. They are destroyed, so look at them first: replay list.

`

// errDiffers is told by the last line already.
var errDiffers = errors.New("not all steps are equal")

type options struct {
	mode, endpoint, token, data, recordings string
	trust                                   fidelity.Trust
	jobs                                    int
	only                                    []string
	hooks                                   map[string]fidelity.Hook
	verbose                                 bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	switch {
	case err == nil:
	case errors.Is(err, errDiffers):
		os.Exit(1)
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "replay:", err)
		os.Exit(2)
	}
}

func parse(args []string) (*options, error) {
	o := &options{hooks: make(map[string]fidelity.Hook)}
	flags := flag.NewFlagSet("replay", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	flags.StringVar(&o.endpoint, "endpoint", "", "`URL` of the endpoint, such as https://pve.example:8006; default: the one in world.json")
	flags.StringVar(&o.token, "token", "", "`ID=SECRET` of a token with all rights; default: that of world.json")
	flags.StringVar(&o.trust.CAFile, "ca", "", "`FILE` with the certificate authority (PEM) of an https endpoint")
	flags.BoolVar(&o.trust.Insecure, "insecure", false, "take any certificate")
	flags.IntVar(&o.jobs, "jobs", 1, "how many scenarios run at once")
	flags.StringVar(&o.data, "data", "", "`DIR` with scenarios/, recordings/ and world.json; default: those in this program")
	flags.StringVar(&o.recordings, "recordings", "", "`DIR` of the recordings to compare with, or to write; default for compare: those of --data")
	flags.BoolVar(&o.verbose, "verbose", false, "show each request on standard error")
	flags.Func("only", "`GLOB` of scenarios to run, all by default; may be repeated", func(glob string) error {
		o.only = append(o.only, glob)
		return nil
	})
	flags.Func("hook", "`NAME=COMMAND` for steps that the API has no call for, such as unlock='ssh pve1 pct unlock {vmid}'", func(text string) error {
		name, command, ok := strings.Cut(text, "=")
		if !ok {
			return errors.New("write NAME=COMMAND")
		}
		o.hooks[name] = fidelity.CommandHook(command)
		return nil
	})
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		flags.Usage()
		return nil, flag.ErrHelp
	}
	o.mode = args[0]
	if err := flags.Parse(args[1:]); err != nil {
		return nil, flag.ErrHelp // the package has said what is wrong
	}
	switch {
	case flags.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.mode != "list" && o.mode != "compare" && o.mode != "record":
		return nil, fmt.Errorf("say compare, record or list, not %q", o.mode)
	case o.mode == "record" && o.recordings == "":
		return nil, errors.New("say where to write: --recordings DIR")
	}
	return o, nil
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	data := fidelity.Data()
	if o.data != "" {
		data = os.DirFS(o.data)
	}
	scenarios, err := fidelity.Scenarios(data, o.only...)
	if err != nil {
		return err
	}
	if o.mode == "list" {
		list(out, scenarios)
		return nil
	}
	runner, err := o.runner(data)
	if err != nil {
		return err
	}
	version, err := runner.Version(ctx)
	if err != nil {
		return err
	}
	if o.mode == "record" {
		return record(ctx, runner, scenarios, version, o, out)
	}
	recordings, err := fs.Sub(data, "recordings")
	if err != nil {
		return err
	}
	if o.recordings != "" {
		recordings = os.DirFS(o.recordings)
	}
	return compare(ctx, runner, scenarios, recordings, o.jobs, out)
}

func list(out io.Writer, scenarios []*fidelity.Scenario) {
	steps := 0
	for _, scenario := range scenarios {
		steps += len(scenario.Steps)
		fmt.Fprintf(out, "%-26s %3d  %v  %s\n", scenario.Name, len(scenario.Steps), scenario.VMIDs, scenario.Title)
	}
	fmt.Fprintf(out, "%d scenarios, %d steps\n", len(scenarios), steps)
}

func (o *options) runner(data fs.FS) (*fidelity.Runner, error) {
	world, err := fidelity.ReadWorld(data)
	if err != nil {
		return nil, err
	}
	if o.token != "" {
		id, secret, ok := strings.Cut(strings.TrimPrefix(o.token, "PVEAPIToken="), "=")
		if !ok {
			return nil, errors.New("write --token USER@REALM!NAME=SECRET")
		}
		world.Tokens["full"] = fidelity.Token{ID: id, Secret: secret}
	}
	endpoint := o.endpoint
	if endpoint == "" {
		endpoint = world.Endpoint
	}
	client, err := fidelity.NewClient(endpoint, o.trust)
	if err != nil {
		return nil, err
	}
	runner := &fidelity.Runner{Client: client, World: world, Hooks: o.hooks}
	if o.verbose {
		var printing sync.Mutex
		runner.Log = func(line string) {
			printing.Lock()
			defer printing.Unlock()
			fmt.Fprintln(os.Stderr, line)
		}
	}
	return runner, nil
}

func record(ctx context.Context, runner *fidelity.Runner, scenarios []*fidelity.Scenario, version map[string]any, o *options, out io.Writer) error {
	return runner.Each(ctx, scenarios, o.jobs, func(scenario *fidelity.Scenario, seen []fidelity.Observation) error {
		recording, err := fidelity.NewRecording(scenario, version, seen)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%-26s %3d steps recorded\n", scenario.Name, len(seen))
		return recording.Write(o.recordings)
	})
}

func compare(ctx context.Context, runner *fidelity.Runner, scenarios []*fidelity.Scenario, recordings fs.FS, jobs int, out io.Writer) error {
	equal, total := 0, 0
	err := runner.Each(ctx, scenarios, jobs, func(scenario *fidelity.Scenario, seen []fidelity.Observation) error {
		recording, err := fidelity.ReadRecording(recordings, scenario.Name)
		if err != nil {
			return err
		}
		verdicts := fidelity.Compare(recording, seen)
		fidelity.Report(out, scenario, verdicts)
		equal, total = equal+fidelity.Count(verdicts), total+len(verdicts)
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d of %d steps equal\n", equal, total)
	if equal != total {
		return errDiffers
	}
	return nil
}
