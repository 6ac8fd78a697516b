// Package walk leads a service from one spec to the next, and the next: changes are made up from the CRD's own schema, valid ones and
// invalid ones, with outside hands and faults in between. The API server must refuse what the schema forbids; everything else must come
// to rest, ready or in a situation of the table, with the oracle content; and the first spec leads back to the first container.
package walk
