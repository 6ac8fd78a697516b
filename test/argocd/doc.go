// Package argocd holds the health check that config/argocd gives Argo CD against the situations of the API. It is a module of its own
// because it needs a Lua interpreter, the one that Argo CD has.
package argocd
