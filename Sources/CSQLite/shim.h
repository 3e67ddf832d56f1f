// SQLite's own interface, for databases of trainers, which are only read.
#include <sqlite3.h>
