package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/adopt"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
	"github.com/nixmox/nixmox-controller/internal/topology"
)

type adoptOptions struct {
	direct bool
	host   string
	dir    string
	out    output
}

// whyDirect is said to whoever does not know yet what this command needs.
const whyDirect = `say --direct: which containers there are is not in the cluster, so Proxmox is read from here
  It is reached by the host's spec.endpoints, with the credentials in its Secret: this kubeconfig must be allowed to get Secrets in the
  namespace of the host. Nothing is changed, neither there nor in the cluster.
  Without that right, ask whoever has it for the manifests, or write one yourself: a service with vmid, adopt: true, ip and hostname;
  its status.plan says what would change before anything is done`

func (p *program) adoptCommand() *cobra.Command {
	var opts adoptOptions
	c := &cobra.Command{
		Use:   "adopt --direct [VMID...]",
		Short: "List the containers of a Proxmox that are not ours, or write manifests that adopt them",
		Long: `List the guests of a host's Proxmox, and say of each that cannot be adopted why not. With numbers, write manifests that adopt those
containers as they are: applied, they change tags and notes, and interrupt nothing. What of a container has no place in a manifest, and
what applying it would change, is a comment above it.

--direct reads Proxmox from here, with the host's endpoints and Secret, which the kubeconfig must allow to get. Nothing is changed, neither
there nor in the cluster. The host must allow the numbers before the controller adopts them: spec.policy.adoptableVMIDs.`,
		Example: "  adopt --direct\n  adopt --direct 120 121 --dir manifests",
		RunE: func(c *cobra.Command, args []string) error {
			if !opts.direct {
				return errors.New(whyDirect)
			}
			return p.adopt(c.Context(), &opts, args)
		},
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return p.completeGuests(c.Context(), &opts, args), cobra.ShellCompDirectiveNoFileComp
		},
	}
	f := c.Flags()
	f.BoolVar(&opts.direct, "direct", false, "read Proxmox from here, with the credentials in the host's Secret")
	f.StringVar(&opts.host, "host", "", "name of the NixMoxHost (default: the only one of the namespace)")
	f.StringVarP(&opts.dir, "dir", "d", "", "write a file for each manifest into this folder, instead of all to standard output")
	opts.out.addFlag(c, "table")
	_ = c.MarkFlagDirname("dir")
	_ = c.RegisterFlagCompletionFunc("host", func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return p.hostNames(c.Context()), cobra.ShellCompDirectiveNoFileComp
	})
	return c
}

// candidate is a guest of the host, as `adopt -o json` tells it.
type candidate struct {
	VMID      int      `json:"vmid"`
	Node      string   `json:"node"`
	Name      string   `json:"name"`
	Status    string   `json:"status"`
	IP        string   `json:"ip,omitempty"`
	MemoryMiB int64    `json:"memoryMiB,omitempty"`
	Cores     int      `json:"cores,omitempty"`
	Root      string   `json:"root,omitempty"`
	Volumes   []string `json:"volumes,omitempty"`
	// WhyNot it can be adopted; empty if it can.
	WhyNot string `json:"whyNot,omitempty"`

	guest adopt.Guest
}

// survey is what adopt looks at: a host, its Proxmox, the guests there, and the services that have some of them.
type survey struct {
	host     *v1alpha1.NixMoxHost
	services []v1alpha1.NixMoxService
	pve      *proxmox.Client
	guests   []candidate
}

func (p *program) adopt(ctx context.Context, opts *adoptOptions, args []string) error {
	s, err := p.survey(ctx, opts)
	if err != nil {
		return err
	}
	if len(args) > 0 {
		return p.writeAdoptions(ctx, s, opts, args)
	}
	if printed, err := p.structured(opts.out, s.guests); printed || err != nil {
		return err
	}
	return p.printCandidates(s.guests)
}

func (p *program) survey(ctx context.Context, opts *adoptOptions) (*survey, error) {
	kube, err := p.client()
	if err != nil {
		return nil, err
	}
	namespace, err := p.namespace()
	if err != nil {
		return nil, err
	}
	all, err := readObjectsAround(ctx, kube, namespace)
	if err != nil {
		return nil, err
	}
	s := &survey{services: all.services}
	if s.host, err = chooseHost(all.hosts, namespace, opts.host); err != nil {
		return nil, err
	}
	if s.pve, err = direct(ctx, kube, s.host); err != nil {
		return nil, err
	}
	s.guests, err = candidates(ctx, s.pve, s.host, s.services)
	return s, err
}

// candidates are all guests of the host. A configuration is read where the list alone does not rule the guest out.
func candidates(ctx context.Context, pve *proxmox.Client, host *v1alpha1.NixMoxHost, services []v1alpha1.NixMoxService) ([]candidate, error) {
	resources, err := pve.Resources(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the guests: %w", err)
	}
	list := []candidate{}
	for _, g := range resources.Guests {
		c := candidate{VMID: int(g.VMID), Node: g.Node, Name: g.Name, Status: g.Status, guest: adopt.Guest{Guest: g}}
		if c.WhyNot = adopt.WhyNot(host, c.guest); c.WhyNot == "" {
			view, err := pve.View(ctx, g.Node, g.VMID)
			if err != nil {
				c.WhyNot = "its configuration cannot be read: " + err.Error()
			} else {
				c.take(view)
				c.WhyNot = adopt.WhyNot(host, c.guest)
			}
		}
		if by := namedBy(host, services, c.VMID); c.WhyNot == "" && by != "" {
			c.WhyNot = "service " + by + " names it"
		}
		list = append(list, c)
	}
	return list, nil
}

func (c *candidate) take(view *proxmox.View) {
	c.guest.View = view
	config := view.Future
	c.Name, c.MemoryMiB, c.Cores, c.Root = config.Hostname, config.MemoryMiB, config.Cores, config.RootFS.Size
	if ip, ok := adopt.Address(config); ok {
		c.IP = ip.String()
	}
	for _, m := range config.Mounts {
		c.Volumes = append(c.Volumes, strings.TrimSpace(m.Path+" "+m.Size))
	}
	slices.Sort(c.Volumes)
}

// namedBy is the service of the host that a guest's number is given to.
func namedBy(host *v1alpha1.NixMoxHost, services []v1alpha1.NixMoxService, vmid int) string {
	for i := range services {
		s := &services[i]
		if topology.HostOf(s) != client.ObjectKeyFromObject(host) {
			continue
		}
		if int(s.Status.VMID) == vmid || s.Spec.VMID != nil && int(*s.Spec.VMID) == vmid {
			return s.Namespace + "/" + s.Name
		}
	}
	return ""
}

func (p *program) printCandidates(list []candidate) error {
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "VMID\tNODE\tNAME\tSTATUS\tIP\tMEMORY\tCPU\tROOT\tVOLUMES\tWHY NOT")
	free := 0
	for _, c := range list {
		memory, cores := "-", "-"
		if c.MemoryMiB > 0 {
			memory = fmt.Sprintf("%d MiB", c.MemoryMiB)
		}
		if c.Cores > 0 {
			cores = strconv.Itoa(c.Cores)
		}
		if c.WhyNot == "" {
			free++
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.VMID, c.Node, oneLine(or(c.Name, "-")), c.Status, or(c.IP, "-"), memory, cores,
			or(c.Root, "-"), oneLine(or(strings.Join(c.Volumes, ", "), "-")), oneLine(c.WhyNot))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(table.String()) {
		fmt.Fprintln(p.Out, strings.TrimRight(line, " \n"))
	}
	fmt.Fprintf(p.Out, "%d of %d guests can be adopted\n", free, len(list))
	return nil
}

// completeGuests offers the numbers of what can be adopted. It is the shell that asks: nothing is said when that fails.
func (p *program) completeGuests(ctx context.Context, opts *adoptOptions, given []string) []string {
	if !opts.direct {
		return nil
	}
	s, err := p.survey(ctx, opts)
	if err != nil {
		return nil
	}
	var numbers []string
	for _, c := range s.guests {
		if number := strconv.Itoa(c.VMID); c.WhyNot == "" && !slices.Contains(given, number) {
			numbers = append(numbers, number+"\t"+oneLine(c.Name))
		}
	}
	return numbers
}

func (p *program) hostNames(ctx context.Context) []string {
	kube, err := p.client()
	if err != nil {
		return nil
	}
	namespace, err := p.namespace()
	if err != nil {
		return nil
	}
	st, err := readObjects(ctx, kube, namespace)
	if err != nil {
		return nil
	}
	var names []string
	for i := range st.hosts {
		names = append(names, st.hosts[i].Name)
	}
	return names
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
