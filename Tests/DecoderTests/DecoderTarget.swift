import CoreData
import CoreDiffusion
import CoreTensor
import Foundation
import ImageFiles
import Ports
import RunSpec
import SweepFile
import SweepLedger
import SweepModel
import SweepWire
import TrainerFiles
import Worker

/// A decoder that meets bytes of strangers. Refusing is its right; crashing, hanging and taking memory are
/// not.
enum DecoderTarget: String, CaseIterable, Sendable {
    case sweepFile, expression, commandTemplate, canonicalJSON, launchRequest, requestJSON, requestParameters,
        answerJSON
    case metricBatch, metricLine, queryGate, pointSpool, reportSpool, image, digest, wireError
    case safetensors, tokenizer, modelConfiguration, conceptFile, font, memoryCounters, trainerOutput, trainerFile

    /// Runs the decoder once.
    ///
    /// - Parameter ledger: path of a ledger for the targets that need one.
    func run(_ bytes: [UInt8], ledger: String) {
        do {
            try decode(bytes, ledger)
        } catch {
            // A refusal.
        }
    }

    private func decode(_ bytes: [UInt8], _ ledger: String) throws {
        let data = Data(bytes)
        let text = String(decoding: bytes, as: UTF8.self)
        switch self {
        case .sweepFile: _ = try SweepFile.read(LaunchBundle(fileName: "fuzz.yaml", text: text))
        case .expression:
            let expression = try ArithmeticExpression(text)
            let names = expression.names
            _ = try expression.value(Dictionary(uniqueKeysWithValues: names.map { ($0, 2.5) }))
        case .commandTemplate:
            let template = CommandTemplate(text)
            _ = try template.rendered(Dictionary(Set(template.names).map { ($0, "v") }) { $1 })
        case .canonicalJSON:
            let value = try JSONDecoder().decode(ParameterValue.self, from: data)
            let once = try CanonicalJSON.text(value)
            // Reading back what was written, and writing it again, changes nothing.
            let again = try JSONDecoder().decode(ParameterValue.self, from: Data(once.utf8))
            let twice = try CanonicalJSON.text(again)
            precondition(twice == once, "canonical JSON is not a fixed point: \(once)")
        case .launchRequest: _ = try SweepFile.read(LaunchRequest(parameters: [:], body: data).bundle)
        case .requestJSON: try request(bytes)
        case .requestParameters: try parameters(text)
        case .answerJSON: try answer(bytes)
        case .metricBatch:
            let batch = try MetricBatch(encoded: bytes)
            let again = try MetricBatch(encoded: batch.encoded())
            precondition(again == batch, "a batch changes when it is written again")
            _ = batch.next
        case .metricLine: _ = try MetricLine(parsing: text)
        case .queryGate: _ = try ReadOnlyQuery(path: ledger, mostRows: 100, milliseconds: 200).run(text)
        case .pointSpool:
            try spool(bytes, name: "points-1") { folder in
                let spool = try PointSpool(folder: folder)
                _ = spool.total
            }
        case .reportSpool: try spool(bytes, name: "report-00000001.json") { _ = try ReportSpool(folder: $0) }
        case .image: _ = try ImageFile.decode(bytes, name: "fuzz")
        case .digest:
            _ = ContentDigest(text)
            _ = JobID(text)
            _ = SweepName(text)
            _ = SessionID(rawValue: text).isValid
        case .wireError: _ = try WireJSON.decode(WireError.self, from: data)
        case .safetensors:
            try file(bytes, name: "model.safetensors") { path in
                let file = try SafetensorsFile(path: path)
                for name in file.names {
                    do { _ = try file.floats(name) } catch is TensorError {}
                    do { _ = try file.integers(name) } catch is TensorError {}
                }
            }
        case .tokenizer: try tokenizer(bytes)
        case .modelConfiguration: try configuration(bytes)
        case .conceptFile: _ = try ConceptFile.parse(text, file: "concepts.yaml")
        case .font:
            try file(bytes, name: "font.ttf") { path in
                let font = try EmojiFont(path: path)
                for point in font.codePoints.prefix(20) { do { _ = try font.image(of: point) } catch {} }
            }
        // What the kernel says: the group's path stands in the text and names the next file.
        case .memoryCounters: _ = OutOfMemoryWatch.kills { _ in text }
        case .trainerOutput: try trainerOutput(bytes)
        case .trainerFile: try trainerFile(bytes)
        }
    }

    /// What a trainer leaves in its folder; the first byte picks the file.
    private func trainerOutput(_ bytes: [UInt8]) throws {
        let body = Data(bytes.dropFirst())
        switch (bytes.first ?? 0) % 3 {
        case 0: _ = try JSONDecoder().decode(CheckpointManifest.self, from: body)
        case 1: _ = try JSONDecoder().decode(EvaluationRow.self, from: body)
        default: _ = try JSONDecoder().decode(ArtifactRow.self, from: body)
        }
    }

    /// The first byte picks the reader. Bytes of an event are framed first: no checksum stands before them.
    private func trainerFile(_ bytes: [UInt8]) throws {
        let kind = (bytes.first ?? 0) % 5
        var body = Array(bytes.dropFirst())
        if kind == 1 {
            func little(_ word: some FixedWidthInteger) -> [UInt8] {
                withUnsafeBytes(of: word.littleEndian, Array.init)
            }
            func masked(_ bytes: [UInt8]) -> [UInt8] {
                let crc = CRC32C.of(bytes)
                return little((crc >> 15 | crc << 17) &+ 0xA282_EAD8)
            }
            let head = little(UInt64(body.count))
            body = head + masked(head) + body + masked(body)
        }
        try file(body, name: "file") { path in
            var reader: any GrowingFile =
                switch kind {
                case 0, 1: EventTail(path: path)
                case 2: WandbTail(path: path)
                case 3: CSVTail(path: path)
                default: SQLiteTail(path: path)
                }
            for isComplete in [false, true] {
                var looks = 0
                while try reader.read(isComplete: isComplete).isProgress { looks += 1 }
                precondition(looks <= body.count + 1, "a look that takes nothing counts as progress")
            }
        }
    }

    /// The first byte picks how the tokenizer is stored: one file, or vocabulary and merges parted by a NUL.
    private func tokenizer(_ bytes: [UInt8]) throws {
        let body = Array(bytes.dropFirst())
        let parts = body.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false).map(Array.init)
        let isWhole = (bytes.first ?? 0) % 2 == 0
        try folder { folder in
            if isWhole {
                try write(body, folder + "/tokenizer.json")
            } else {
                try write(parts[0], folder + "/vocab.json")
                try write(parts.count > 1 ? parts[1] : [], folder + "/merges.txt")
            }
            _ = try CLIPTokenizer(directory: folder).encode("a small cat, it's 3 o'clock")
        }
    }

    /// The first byte picks the model.
    private func configuration(_ bytes: [UInt8]) throws {
        try file(Array(bytes.dropFirst()), name: "config.json") { path in
            switch (bytes.first ?? 0) % 6 {
            case 0: _ = try UNetConfiguration(path: path)
            case 1: _ = try AutoencoderConfiguration(path: path)
            case 2: _ = try CLIPTextConfiguration(path: path)
            case 3: _ = try CLIPConfiguration(path: path)
            case 4: _ = try Dinov2Configuration(path: path)
            default: _ = try NoiseSchedule(path: path)
            }
        }
    }

    private func file(_ bytes: [UInt8], name: String, _ read: (String) throws -> Void) throws {
        try folder { folder in
            try write(bytes, "\(folder)/\(name)")
            try read("\(folder)/\(name)")
        }
    }

    /// The first byte picks the request.
    private func request(_ bytes: [UInt8]) throws {
        let body = Data(bytes.dropFirst())
        let readers: [(Data) throws -> Void] = [
            { _ = try RegisterRequest(parameters: [:], body: $0) },
            { _ = try ExchangeRequest(parameters: [:], body: $0) },
            { _ = try HeartbeatRequest(parameters: [:], body: $0) }, { _ = try BlobBegin(parameters: [:], body: $0) },
            { _ = try BlobsRequest(parameters: [:], body: $0) }, { _ = try ActionRequest(parameters: [:], body: $0) },
            { _ = try DrainRequest(parameters: [:], body: $0) }, { _ = try QueryRequest(parameters: [:], body: $0) },
            { _ = try TokenRequest(parameters: [:], body: $0) }, { _ = try RevokeRequest(parameters: [:], body: $0) },
        ]
        try readers[Int(bytes.first ?? 0) % readers.count](body)
    }

    private func answer(_ bytes: [UInt8]) throws {
        let body = Data(bytes.dropFirst())
        let readers: [(Data) throws -> Void] = [
            { _ = try ExchangeResponse(body: $0) }, { _ = try HeartbeatResponse(body: $0) },
            { _ = try RegisterResponse(body: $0) }, { _ = try InputList(body: $0) }, { _ = try JobDetail(body: $0) },
            { _ = try QueryResponse(body: $0) }, { _ = try StatusResponse(body: $0) }, { _ = try LogText(body: $0) },
        ]
        try readers[Int(bytes.first ?? 0) % readers.count](body)
    }

    private func parameters(_ text: String) throws {
        var values: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
            if parts.count == 2 { values[parts[0]] = parts[1].removingPercentEncoding ?? parts[1] }
        }
        let readers: [([String: String]) throws -> Void] = [
            { _ = try BlobChunk(parameters: $0, body: Data()) }, { _ = try BlobRange(parameters: $0, body: Data()) },
            { _ = try JobsRequest(parameters: $0, body: Data()) }, { _ = try LogRequest(parameters: $0, body: Data()) },
            { _ = try ExportRequest(parameters: $0, body: Data()) },
            { _ = try SweepRequest(parameters: $0, body: Data()) },
        ]
        for reader in readers {
            do { try reader(values) } catch is WireError {}
        }
    }

    private func spool(_ bytes: [UInt8], name: String, _ read: (String) throws -> Void) throws {
        try folder { folder in
            try write(bytes, "\(folder)/\(name)")
            try read(folder)
        }
    }

    /// Without a sync: thousands a second.
    private func write(_ bytes: [UInt8], _ path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    private func folder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "decoder-\(SystemRandom().hexadecimal(bytes: 8))"
        let files = DiskFiles()
        try files.makeFolder(folder)
        defer { do { try files.remove(folder) } catch { fatalError("\(folder) stays: \(error)") } }
        try body(folder)
    }
}
