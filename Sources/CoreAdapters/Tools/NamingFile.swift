/// Puts the file before the messages of what goes wrong with it, where they do not name it themselves.
func naming<T>(_ path: String, _ body: () throws -> T) throws -> T {
    do {
        return try body()
    } catch let error as AdapterError where !error.message.contains(path) {
        throw AdapterError(error.code, "\(path): \(error.message)")
    }
}
