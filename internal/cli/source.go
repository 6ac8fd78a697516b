package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/nixmox/nixmox-controller/internal/schema"
)

// source is where a command takes its objects from: files, or the cluster.
type source struct {
	files         resource.FilenameOptions
	allNamespaces bool
	// partial is set where the manifests are only a part of what is there: nothing is said about what they lack.
	partial bool
}

func (s *source) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringSliceVarP(&s.files.Filenames, "filename", "f", nil, "file, folder, URL, or - for standard input, with manifests; without it the objects of the cluster are read")
	f.StringVarP(&s.files.Kustomize, "kustomize", "k", "", "folder with a kustomization; not together with -f")
	f.BoolVarP(&s.files.Recursive, "recursive", "R", false, "look into the folders below the one of -f too")
	f.BoolVarP(&s.allNamespaces, "all-namespaces", "A", false, "the objects of all namespaces of the cluster")
	_ = c.MarkFlagFilename("filename", "yaml", "yml", "json") // fails only for a flag that does not exist
}

// local is whether the objects come from files.
func (s *source) local() bool { return len(s.files.Filenames) > 0 || s.files.Kustomize != "" }

// load reads the objects and judges them, each by itself and together. The error is of reading alone: what is wrong with the objects is
// in the stack.
func (p *program) load(ctx context.Context, s *source) (*stack, error) {
	if !s.local() {
		st, err := p.fromCluster(ctx, s)
		if errors.Is(err, errNoCluster) {
			err = fmt.Errorf("%w, or give manifests with -f", err)
		}
		return st, err
	}
	st := &stack{}
	if err := p.readFiles(ctx, s, st); err != nil {
		return nil, err
	}
	st.group()
	for _, host := range st.absentHosts() {
		if s.partial {
			break
		}
		p.warn("NixMoxHost %s is not among the manifests: its domain, defaults and phases are not considered", host)
	}
	return st, nil
}

// readFiles adds the objects of files. Files that cannot be read as YAML are problems like any other, so that all are told at once.
func (p *program) readFiles(ctx context.Context, s *source, st *stack) error {
	judge, err := schema.Load()
	if err != nil {
		return err
	}
	namespace, _, err := p.config.ToRawKubeConfigLoader().Namespace()
	if err != nil || namespace == "" {
		namespace = "default"
	}
	infos, err := p.builder(s).Flatten().Do().Infos()
	if err != nil {
		st.unreadable(err)
	}
	found := 0
	for _, info := range infos {
		o, ok := info.Object.(*unstructured.Unstructured)
		if ok && o.GroupVersionKind() == corev1.SchemeGroupVersion.WithKind("Namespace") {
			st.label(o.GetName(), o.GetLabels())
		}
		if !ok || !judge.Knows(o) {
			continue
		}
		found++
		if o.GetNamespace() == "" {
			o.SetNamespace(namespace)
		}
		st.add(ctx, judge, info.Source, o)
	}
	if found == 0 && len(st.problems) == 0 {
		return fmt.Errorf("no NixMoxHost or NixMoxService in %s", s)
	}
	return nil
}

// builder reads the files, and standard input from where this program has it.
func (p *program) builder(s *source) *resource.Builder {
	b := resource.NewBuilder(p.config).Unstructured().Local().ContinueOnError()
	files := s.files
	files.Filenames = slices.DeleteFunc(slices.Clone(files.Filenames), func(name string) bool { return name == "-" })
	if len(files.Filenames) < len(s.files.Filenames) {
		b = b.Stream(p.In, "standard input")
	}
	if len(files.Filenames) > 0 || files.Kustomize != "" {
		b = b.FilenameParam(false, &files)
	}
	return b
}

// String is the source as a person gave it.
func (s *source) String() string {
	if s.files.Kustomize != "" {
		return s.files.Kustomize
	}
	return strings.Join(s.files.Filenames, ", ")
}

// unreadable turns what the builder could not read into problems, one each.
func (st *stack) unreadable(err error) {
	var many utilerrors.Aggregate
	if errors.As(err, &many) {
		for _, e := range many.Errors() {
			st.unreadable(e)
		}
		return
	}
	// The decoder repeats the whole file; its first line says what is wrong.
	message, _, long := strings.Cut(err.Error(), "\n")
	if long {
		message = strings.TrimSuffix(message, " in '{")
	}
	st.problems = append(st.problems, problem{Message: message})
}
