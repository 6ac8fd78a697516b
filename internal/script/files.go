package script

import (
	"fmt"
	"slices"
	"strings"
)

// File is one script of a folder.
type File struct {
	// Name below the folder, with slashes.
	Name, Text string
}

// Files are a script for each service, in a folder for each phase, and one that runs them in order (a rollback in reverse).
func Files(kind Kind, in Input) ([]File, error) {
	var files []File
	for i := range in.Services {
		s := in.Services[i]
		one := in
		one.Services = []Service{s}
		text, err := Text(kind, one)
		if err != nil {
			return nil, err
		}
		files = append(files, File{Name: fmt.Sprintf("%s/%s.sh", folder(&s), fileName(s.Key.Name)), Text: text})
	}
	files = append(files, File{Name: string(kind) + ".sh", Text: runAll(kind, in, files)})
	return files, nil
}

// folder is 01-infrastructure.
func folder(s *Service) string {
	name := fmt.Sprintf("%02d", s.Phase)
	if s.PhaseName != "" {
		name += "-" + fileName(s.PhaseName)
	}
	return name
}

// fileName keeps letters, digits and '-'.
func fileName(s string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, s)
	return strings.Trim(clean, "-")
}

func runAll(kind Kind, in Input, files []File) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#!/bin/sh\n# Runs the scripts of this folder in their order, for the host %s. Options are passed on to each.\n", comment(in.Host.Namespace+"/"+in.Host.Name))
	fmt.Fprintf(&b, "# Written by `%s script %s --dir`.\nset -eu\ncd \"$(dirname \"$0\")\"\n\n", in.Program, kind)
	order := slices.Clone(files)
	if kind == Rollback {
		slices.Reverse(order)
	}
	if kind == Health {
		b.WriteString("ill=0\n")
	}
	for _, f := range order {
		line := "./" + f.Name + " \"$@\""
		switch kind {
		case Health:
			line += " || ill=1"
		case Monitor:
			line += " &"
		}
		b.WriteString(line + "\n")
	}
	switch kind {
	case Health:
		b.WriteString("exit \"$ill\"\n")
	case Monitor:
		b.WriteString("wait\n")
	}
	return b.String()
}
