// Command bench measures what the controller costs, on the built programs: a real Kubernetes API, the controller as a process of its own,
// and a simulated Proxmox whose call log counts every call. It prints a table, writes it into docs/performance.md, and exits 1 when a goal
// is missed. `make bench` and `make bench-full` run it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

func main() {
	bin := flag.String("bin", "bin", "folder with nixmox and controller")
	set := flag.String("set", "short", "which measures: short, thousand (roll-outs of 1,000 services) or full (10,000 services)")
	rollOutAll := flag.Bool("roll-out-all", false, "with -set full: create their containers too, rather than begin with healthy ones")
	most := flag.Int("services", 10_000, "with -set full: how many services there are")
	only := flag.String("only", ".", "measure only what matches, a regular expression on the names that -list prints")
	list := flag.Bool("list", false, "print the names of the measures and end")
	docs := flag.String("docs", "", "page to write the table into; none when empty")
	profile := flag.String("profile", "", "folder for CPU and heap profiles of the controller, its log and call logs; none when empty")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	wanted, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(2)
	}
	b := &bench{bin: *bin, set: *set, rollOutAll: *rollOutAll, most: *most, wanted: wanted, profile: *profile}
	if b.measures() == nil {
		fmt.Fprintf(os.Stderr, "Error: there is no set %q of measures\n", *set)
		os.Exit(2)
	}
	if *list {
		for _, m := range b.measures() {
			fmt.Println(m.name)
		}
		return
	}
	err = b.run(ctx)
	fmt.Print("\n", b.table.text())
	if *docs != "" && len(b.table.rows) > 0 {
		err = errors.Join(err, b.table.writeInto(*docs, *set))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
	if missed := b.table.missed(); missed > 0 {
		fmt.Printf("\n%d goals are missed\n", missed)
		os.Exit(1)
	}
	fmt.Println("\nall goals are met")
}

// measure is one part of the bench. Neighbours of one group are made at the same time, except in the group alone.
type measure struct {
	name  string
	group int
	run   func(context.Context, *bench) error
}

// bench is one run of all.
type bench struct {
	bin, set string
	// rollOutAll creates all containers.
	rollOutAll bool
	most       int
	wanted     *regexp.Regexp
	profile    string
	table      table
	lab        *lab
}

func (b *bench) measures() []measure {
	switch b.set {
	case "short":
		return measures()
	case "thousand":
		return thousandMeasures()
	case "full":
		return fullMeasures(b.most, b.rollOutAll)
	}
	return nil
}

// run makes the measures in order. One that cannot be made does not keep the others from being made.
func (b *bench) run(ctx context.Context) (err error) {
	b.lab, err = startLab(ctx, b.bin, b.profile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.lab.stop()) }()
	all := b.measures()
	for i := 0; i < len(all) && ctx.Err() == nil; {
		batch := []measure{all[i]}
		for i++; i < len(all) && batch[0].group != alone && all[i].group == batch[0].group; i++ {
			batch = append(batch, all[i])
		}
		err = errors.Join(err, b.batch(ctx, batch))
	}
	return errors.Join(err, ctx.Err())
}

func (b *bench) batch(ctx context.Context, batch []measure) error {
	results := make(chan error)
	running := 0
	for _, m := range batch {
		if !b.wanted.MatchString(m.name) {
			continue
		}
		running++
		go func() {
			began := time.Now()
			err := m.run(ctx, b)
			if err != nil {
				err = fmt.Errorf("%s: %w", m.name, err)
			}
			fmt.Fprintf(os.Stderr, "%s: %.0f s\n", m.name, time.Since(began).Seconds())
			results <- err
		}()
	}
	var err error
	for range running {
		err = errors.Join(err, <-results)
	}
	return err
}
