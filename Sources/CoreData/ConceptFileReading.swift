import RunSpec

/// `concepts.yaml`, line by line; what is wrong on one line does not hide the next.
struct ConceptFileReading {
    private struct Value {
        var items: [String]
        /// The line it stands on, for messages.
        let place: String
    }

    private let file: String
    private var concepts: [Concept] = []
    private var faults: [DataError] = []
    private var fields: [String: Value] = [:]
    /// The key whose list items may follow.
    private var openKey: String?

    init(file: String) { self.file = file }

    mutating func take(_ line: ConceptFileLine) {
        do {
            switch try line.content() {
            case .blank: break
            case .folder(let name): try begin(name, line)
            case .field(let key, let value): try set(key, value, line)
            case .item(let text):
                guard let key = openKey else { throw line.fault("a list item without a key above it") }
                fields[key]?.items.append(text)
            }
        } catch let error as DataError {
            faults.append(error)
        } catch {
            faults.append(line.fault("\(error)"))
        }
    }

    mutating func finish() -> (concepts: [Concept], faults: [DataError]) {
        fill()
        return (concepts, faults)
    }

    private mutating func begin(_ name: String, _ line: ConceptFileLine) throws {
        fill()
        openKey = nil
        let isSecond = concepts.contains { $0.folder == name }
        concepts.append(Concept(folder: name, trigger: "", className: "", kind: .object))
        if isSecond { throw line.fault("folder \"\(name)\" stands here for the second time; merge the two") }
    }

    private mutating func set(_ key: String, _ value: [String]?, _ line: ConceptFileLine) throws {
        openKey = nil
        guard !concepts.isEmpty else {
            throw line.fault("\"\(key)\" before any folder; begin with \"N_name:\"")
        }
        guard ConceptFile.knownKeys.contains(key) else {
            let hint = nearest(to: key, among: ConceptFile.knownKeys).map { "did you mean \"\($0)\"? " } ?? ""
            throw line.fault(
                "unknown key \"\(key)\"; \(hint)known: \(ConceptFile.knownKeys.joined(separator: ", "))")
        }
        guard fields[key] == nil else { throw line.fault("key \"\(key)\" twice in one folder") }
        fields[key] = Value(items: value ?? [], place: line.place)
        openKey = value == nil ? key : nil
    }

    /// Puts the fields read so far into the newest concept.
    private mutating func fill() {
        guard var concept = concepts.popLast() else { return }
        concept.trigger = single("trigger") ?? ""
        concept.className = single("class") ?? concept.name
        if let text = single("kind") {
            if let kind = ConceptKind(rawValue: text) {
                concept.kind = kind
            } else {
                let known = ConceptKind.allCases.map(\.rawValue).joined(separator: ", ")
                faults.append(
                    DataError(
                        code: .malformed,
                        message: "\(fields["kind"]?.place ?? file): kind \"\(text)\", wanted one of \(known)"))
            }
        }
        concept.subclasses = fields["subclasses"]?.items ?? []
        concept.prompts = fields["prompts"]?.items ?? []
        concepts.append(concept)
        fields = [:]
    }

    private mutating func single(_ key: String) -> String? {
        guard let value = fields[key] else { return nil }
        guard value.items.count == 1 else {
            faults.append(
                DataError(
                    code: .malformed,
                    message: "\(value.place): \"\(key)\" has \(value.items.count) values, wanted one"))
            return nil
        }
        return value.items[0]
    }
}
