// Package schedules runs controllers under bad schedules, which a seed decides: what they read is old, they miss what happened between
// two looks, their writes meet conflicts, and a second one believes that it leads. Meanwhile a person creates, changes, deletes and
// creates again. When the trouble ends, all must come to rest with the oracle content.
package schedules
