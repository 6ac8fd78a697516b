package plan

import (
	"fmt"
	"net/netip"
	"strings"
)

// configChanges are the differences that one PUT of the configuration removes.
func configChanges(d Desired, o Observed) []Change {
	var c changes
	c.owing(FieldHostname, o.Hostname, d.Hostname, o.Running)
	c.owing(FieldSearchDomain, o.SearchDomain, d.SearchDomain, o.Running)
	c.owing(FieldNameservers, addrs(o.Nameservers), addrs(d.Nameservers), o.Running)
	c = append(c, netChanges(d.Net, o.Net)...)
	c.add(FieldMemory, mib(o.MemoryMiB), mib(d.MemoryMiB))
	c.add(FieldSwap, mib(o.SwapMiB), mib(d.SwapMiB))
	c.add(FieldCPU, o.CPU.String(), d.CPU.String())
	if d.Unprivileged == o.Unprivileged { // else that is refused, and the wish for nesting is that of another container
		c.owing(FieldNesting, onOff(o.Nesting), onOff(d.Nesting), o.Running)
	}
	c.add(FieldTags, tags(o.Tags), tags(d.Tags))
	c.add(FieldOnBoot, onOff(o.OnBoot), onOff(d.OnBoot))
	c.add(FieldBootOrder, fmt.Sprint(o.BootOrder), fmt.Sprint(d.BootOrder))
	c = append(c, optionChanges(d.Options, o.Options, o.Running)...)
	if !o.MarkerCurrent {
		c = append(c, Change{Field: FieldMarker, From: "edited", To: "current"})
	}
	return c
}

func netChanges(d, o Net) []Change {
	var c changes
	c.add(FieldBridge, o.Bridge, d.Bridge)
	c.add(FieldIP, prefix(o.IP), prefix(d.IP))
	c.add(FieldGateway, addr(o.Gateway), addr(d.Gateway))
	c.add(FieldVLAN, number(o.VLANTag), number(d.VLANTag))
	c.add(FieldFirewall, onOff(o.Firewall), onOff(d.Firewall))
	if d.MAC != "" {
		c.add(FieldMAC, strings.ToUpper(o.MAC), strings.ToUpper(d.MAC))
	}
	return c
}

type changes []Change

func (c *changes) add(f Field, from, to string) {
	if from != to {
		*c = append(*c, Change{Field: f, From: from, To: to})
	}
}

func (c *changes) owing(f Field, from, to string, running bool) {
	if from != to {
		*c = append(*c, Change{Field: f, From: from, To: to, OwesRestart: running})
	}
}

func addrs(as []netip.Addr) string {
	texts := make([]string, len(as))
	for i, a := range as {
		texts[i] = a.String()
	}
	return strings.Join(texts, " ")
}
