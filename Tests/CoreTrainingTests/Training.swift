import Testing

/// All suites that set the number of compute threads, which belongs to the whole process: one test after the
/// other.
@Suite("Training", .serialized)
enum Training {}
