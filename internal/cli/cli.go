// Package cli is the command line of NixMox: the kubectl plugin `kubectl nixmox`, and the same commands in the standalone program. One
// file holds one command. The commands stand on the code that the controller stands on (dag, manifest, desired, plan, topology), so that
// what they print is what the controller will do. None of them changes anything on Proxmox: they read manifests, read and annotate
// objects, and write text.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/yaml"
)

// The exit codes of every command.
const (
	ExitOK      = 0
	ExitProblem = 1 // an error, or a problem that was found
	ExitChanges = 2 // plan --exit-code: something would change
)

// program is what all commands of one process share.
type program struct {
	genericiooptions.IOStreams
	config *genericclioptions.ConfigFlags
	// name that the commands are called by, such as "kubectl nixmox".
	name    string
	version string
}

// The groups that help lists commands in.
const (
	groupManifests = "manifests"
	groupCluster   = "cluster"
	groupBring     = "bring"
)

var groups = []*cobra.Group{
	{ID: groupManifests, Title: "Look at manifests (no cluster needed with -f):"},
	{ID: groupCluster, Title: "Look at and steer what runs:"},
	{ID: groupBring, Title: "Come from elsewhere, or go on without a controller:"},
}

// Root is the plugin's whole command tree. name is how people call it.
func Root(streams genericiooptions.IOStreams, name, version string) *cobra.Command {
	p := &program{IOStreams: streams, config: configFlags(), name: name, version: version}
	root := &cobra.Command{
		Use:   "kubectl-nixmox",
		Short: "Services in LXC containers on Proxmox VE, from the command line",
		Long: `Look at NixMox manifests and at what runs of them: in which order services come up, what would change, what waits for what, and why.

Exit codes: 0 is fine, 1 an error or a problem that was found, 2 (plan --exit-code) that something would change.`,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: name},
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	p.config.AddFlags(root.PersistentFlags())
	root.AddGroup(groups...)
	root.AddCommand(p.commands()...)
	root.AddCommand(p.versionCommand())
	return root
}

// AddTo gives the commands to another program's root; the flags that choose a cluster go to each of them.
func AddTo(root *cobra.Command, streams genericiooptions.IOStreams, version string) {
	p := &program{IOStreams: streams, config: configFlags(), name: root.Name(), version: version}
	root.AddGroup(groups...)
	for _, c := range p.commands() {
		p.config.AddFlags(c.PersistentFlags())
		root.AddCommand(c)
	}
}

func (p *program) commands() []*cobra.Command {
	in := func(group string, cs ...*cobra.Command) []*cobra.Command {
		for _, c := range cs {
			c.GroupID = group
		}
		return cs
	}
	all := in(groupManifests, p.validateCommand(), p.orderCommand(), p.depsCommand(), p.graphCommand(), p.planCommand(), p.newCommand())
	all = append(all, in(groupCluster, append([]*cobra.Command{p.statusCommand(), p.healthCommand(), p.doctorCommand()}, p.actCommands()...)...)...)
	all = append(all, in(groupBring, p.importCommand(), p.adoptCommand(), p.scriptCommand())...)
	return all
}

// configFlags are the flags that choose a cluster, without the seldom ones.
func configFlags() *genericclioptions.ConfigFlags {
	f := genericclioptions.NewConfigFlags(true).WithWarningPrinter(genericiooptions.IOStreams{ErrOut: os.Stderr, Out: os.Stdout, In: os.Stdin})
	f.CacheDir, f.ImpersonateUID, f.TLSServerName, f.DisableCompression, f.AuthInfoName, f.ClusterName = nil, nil, nil, nil, nil, nil
	f.ImpersonateUserExtra = nil
	return f
}

// Exit prints an error as people know it from NixMox and says how the process is to end.
func Exit(err error, w io.Writer) int {
	var found problems
	var code exitCode
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &found):
		fmt.Fprint(w, found.text())
	default:
		fmt.Fprintf(w, "Error: %v\n", err)
	}
	return ExitProblem
}

// exitCode ends the process with a code, and no word: everything was said.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// Main runs the plugin with the process's own streams and arguments.
func Main(ctx context.Context, name, version string) int {
	root := Root(genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}, name, version)
	return Exit(root.ExecuteContext(ctx), os.Stderr)
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  none,
		Run:   func(*cobra.Command, []string) { fmt.Fprintln(p.Out, p.name, p.version) },
	}
}

// colour is whether the output takes colours: a terminal that is not dumb, and nobody said no (https://no-color.org).
func (p *program) colour() bool {
	_, terminal := p.terminal()
	return terminal && os.Getenv("NO_COLOR") == ""
}

// terminal is the width of the output, if it is a terminal.
func (p *program) terminal() (width int, is bool) {
	f, ok := p.Out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return 0, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0, false
	}
	return width, true
}

// warn says something that is no error.
func (p *program) warn(format string, args ...any) {
	fmt.Fprintf(p.ErrOut, "Warning: "+format+"\n", args...)
}

// output is the flag -o of commands that can also answer a program.
type output string

func (o *output) addFlag(c *cobra.Command, text string) {
	c.Flags().StringVarP((*string)(o), "output", "o", "", "output format: "+text+" (default), json or yaml")
	complete(c, "output", "json", "yaml")
}

// structured prints v if a program is to read it; false if a person is.
func (p *program) structured(o output, v any) (printed bool, err error) {
	var data []byte
	switch o {
	case "", "text", "table", "tree":
		return false, nil
	case "json":
		data, err = jsonOf(v)
	case "yaml":
		data, err = yaml.Marshal(v)
	default:
		return true, fmt.Errorf("unknown output format %q: use json, yaml, or none for text", string(o))
	}
	if err == nil {
		_, err = p.Out.Write(data)
	}
	return true, err
}

// complete offers fixed values for a flag.
func complete(c *cobra.Command, flag string, values ...string) {
	_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that does not exist
}
