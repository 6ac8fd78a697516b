package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// one wants a single argument, and says what it is.
func one(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch len(args) {
		case 1:
			return nil
		case 0:
			return fmt.Errorf("give %s: %s", what, c.UseLine())
		}
		return fmt.Errorf("give %s, and no more: %s", what, strings.Join(args, " "))
	}
}

// none wants no argument: most often somebody forgot -f.
func none(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	if c.Flags().Lookup("filename") != nil {
		hint = "; files are given with -f"
	}
	return fmt.Errorf("%s takes no argument, and %q is one%s", c.Name(), args[0], hint)
}

// oneOf wants one of some words.
func oneOf(what string, words []string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := one(what)(c, args); err != nil {
			return err
		}
		if !slices.Contains(words, args[0]) {
			return fmt.Errorf("%q is not %s: there are %s", args[0], what, strings.Join(words, ", "))
		}
		return nil
	}
}
