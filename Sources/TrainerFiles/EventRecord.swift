/// One `Event` of a TensorBoard event file, by hand: a few fields of three messages.
///
/// Numbers of fields: tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto,
/// tensor.proto.
/// - `Event`: 2 `step`, 3 `file_version`, 5 `summary`
/// - `Summary`: 1 `value`, of `Value`: 1 `tag`, 2 `simple_value`, 4 `image`, 8 `tensor`, 9 `metadata`
/// - `Image`: 4 `encoded_image_string`
/// - `SummaryMetadata`: 1 `plugin_data`, of `PluginData`: 1 `plugin_name`
struct EventRecord {
    private(set) var step: Int64 = 0
    /// "brain.Event:2" in the first record of a file.
    private(set) var fileVersion: String?
    private(set) var scalars: [(tag: String, value: Double)] = []
    private(set) var images: [(tag: String, bytes: [UInt8])] = []
    private(set) var isDamaged = false

    private enum Content {
        case number(Double)
        case image(Range<Int>)
        case tensor(EventTensor)
    }

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        var fields = ProtobufFields(bytes, range)
        while let (number, value) = fields.next() {
            switch (number, value) {
            case (2, .varint(let word)): step = Int64(bitPattern: word)
            case (3, .bytes(let text)): fileVersion = bytes.text(text)
            case (5, .bytes(let summary)): take(summary: summary, bytes)
            default: break
            }
        }
        isDamaged = isDamaged || fields.isDamaged
    }

    private mutating func take(summary: Range<Int>, _ bytes: [UInt8]) {
        var fields = ProtobufFields(bytes, summary)
        while let (number, value) = fields.next() {
            if case (1, .bytes(let range)) = (number, value) { take(value: range, bytes) }
        }
        isDamaged = isDamaged || fields.isDamaged
    }

    private mutating func take(value range: Range<Int>, _ bytes: [UInt8]) {
        var tag = ""
        var content: Content?
        var plugin: String?
        var fields = ProtobufFields(bytes, range)
        while let (number, value) = fields.next() {
            switch (number, value) {
            case (1, .bytes(let text)): tag = bytes.text(text)
            case (2, .fixed32(let bits)): content = .number(Self.double(Float(bitPattern: bits)))
            case (4, .bytes(let image)): content = Self.encodedImage(bytes, image).map { .image($0) }
            case (8, .bytes(let tensor)): content = .tensor(EventTensor(bytes, tensor))
            case (9, .bytes(let metadata)): plugin = Self.plugin(bytes, metadata)
            default: break
            }
        }
        isDamaged = isDamaged || fields.isDamaged
        switch content {
        case .number(let value): scalars.append((tag, value))
        case .image(let range): images.append((tag, Array(bytes[range])))
        case .tensor(let tensor): take(tensor, tag, plugin, bytes)
        case nil: break
        }
    }

    /// Writers may name the plugin with a tag's first value only: without one the tensor's form decides.
    private mutating func take(_ tensor: EventTensor, _ tag: String, _ plugin: String?, _ bytes: [UInt8]) {
        if plugin == nil || plugin == "scalars", let value = tensor.scalar(bytes) { scalars.append((tag, value)) }
        guard plugin == nil || plugin == "images" else { return }
        // Width and height as text, then the pictures of one step.
        guard tensor.texts.count >= 3, tensor.texts.prefix(2).allSatisfy({ Int(bytes.text($0)) != nil }) else { return }
        let pictures = tensor.texts.dropFirst(2)
        for (index, picture) in pictures.enumerated() {
            images.append((pictures.count == 1 ? tag : "\(tag)/\(index)", Array(bytes[picture])))
        }
    }

    private static func encodedImage(_ bytes: [UInt8], _ range: Range<Int>) -> Range<Int>? {
        var fields = ProtobufFields(bytes, range)
        while let (number, value) = fields.next() {
            if case (4, .bytes(let image)) = (number, value) { return image }
        }
        return nil
    }

    private static func plugin(_ bytes: [UInt8], _ range: Range<Int>) -> String? {
        var fields = ProtobufFields(bytes, range)
        while let (number, value) = fields.next() {
            guard case (1, .bytes(let data)) = (number, value) else { continue }
            var inner = ProtobufFields(bytes, data)
            while let (number, value) = inner.next() {
                if case (1, .bytes(let name)) = (number, value) { return bytes.text(name) }
            }
        }
        return nil
    }

    /// The shortest decimal that reads back as the same 32 bits: 0.1, not 0.10000000149011612.
    static func double(_ value: Float) -> Double {
        value.isFinite ? Double("\(value)") ?? Double(value) : Double(value)
    }
}
