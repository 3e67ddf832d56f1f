/// JSON objects of numbers that are too long for a general decoder.
package enum JSONNumbers {
    /// `{"key": 1, …}`: whole numbers from 0 up, read in one pass.
    ///
    /// - Returns: nil for anything else; also where a key is repeated, as readers differ there.
    package static func map(_ json: UnsafeRawBufferPointer) -> [String: Int32]? {
        var scanner = JSONScanner(json, place: "")
        var numbers: [String: Int32] = [:]
        // As few bytes as a short token takes.
        numbers.reserveCapacity(json.count / 16)
        do {
            try scanner.object { scanner, key in
                guard let number = Int32(exactly: try scanner.integer()),
                    numbers.updateValue(number, forKey: key) == nil
                else { throw scanner.fault("no number of its own for '\(key)'") }
            }
            try scanner.end()
        } catch {
            // Whoever asks reads it in another way, and tells the fault.
            return nil
        }
        return numbers
    }
}
