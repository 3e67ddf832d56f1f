import CoreData
import Foundation
import ImageFiles
import Ports
import RunSpec
import Testing

@Suite("Data looked at before anything runs")
struct DataCheckTests {
    private let disk = DiskFiles()

    private func write(_ bytes: [UInt8], _ path: String) throws {
        try disk.makeFolder((path as NSString).deletingLastPathComponent)
        try disk.writeAtomically(bytes, to: path)
    }

    private func write(_ text: String, _ path: String) throws { try write(Array(text.utf8), path) }

    private func picture(_ path: String, width: Int = 4, height: Int = 4) throws {
        try write(try PNGFile.encode(RGBImage(width: width, height: height, fill: .black)), path)
    }

    @Test("all faults come at once, each with its file")
    func allFaults() throws {
        try Fixtures.withFolder { folder in
            try picture("\(folder)/2_cat/a.png")
            try write(" \n", "\(folder)/2_cat/a.txt")
            try picture("\(folder)/2_cat/b.png")
            try write([0x63, 0xE9], "\(folder)/2_cat/b.txt")
            try write(Array(try PNGFile.encode(RGBImage(width: 9, height: 9)).prefix(50)), "\(folder)/2_cat/c.png")
            try write("GIF89a", "\(folder)/2_cat/d.png")
            try write([], "\(folder)/2_cat/e.jpg")
            try write("x", "\(folder)/3_none/x.txt")
            try write(
                "2_cat:\n  tigger: veko\n  kind: animal\n3_none:\n  class: x\n4_dog:\n", "\(folder)/concepts.yaml")
            let check = DataCheck(path: folder, threads: 2)
            let wanted = [
                "did you mean \"trigger\"?", "kind \"animal\"", "4_dog", "a.txt: an empty caption",
                "b.txt: cannot be read as UTF-8", "c.png: damaged", "d.png: GIF images are not supported",
                "e.jpg: found an empty file", "3_none: found no PNG, JPEG or WebP image",
            ]
            for part in wanted { #expect(check.faults.contains { $0.contains(part) }, "\(part): \(check.faults)") }
            #expect(check.faults.count == wanted.count)
            let error = #expect(throws: DataError.self) { try ConceptDataSet(path: folder) }
            #expect(error?.message.split(separator: "\n").count == 6)
        }
    }

    @Test("what is found is told: concepts, images, repeats, captions that are missing, folders without a number")
    func found() throws {
        try Fixtures.withFolder { folder in
            try picture("\(folder)/2_cat/a.png")
            try picture("\(folder)/2_cat/b.png")
            try write("a red cat", "\(folder)/2_cat/a.txt")
            try picture("\(folder)/dogs/a.png")
            try picture("\(folder)/validation/v.png")
            try write("2_cat:\n  trigger: veko\n  class: cat\n", "\(folder)/concepts.yaml")
            let check = DataCheck(path: folder)
            #expect(check.faults.isEmpty && !check.isGuessed && !check.isNewlyRead && !check.isNewlyNamed)
            #expect(check.rows.map(\.trigger) == ["veko"] && check.rows.map(\.className) == ["cat"])
            #expect(check.images == 2 && check.samples == 4 && check.validationImages == 1)
            #expect(check.stepsPerEpoch(batch: 3) == 2 && check.stepsPerEpoch(batch: 1, accumulation: 3) == 2)
            #expect(check.warnings.contains { $0.contains("1 of 2 images have no caption file") })
            #expect(check.warnings.contains { $0.contains("dogs") && $0.contains("10_dogs") })
        }
    }

    @Test("steps are counted by bucket, as the trainer does")
    func buckets() throws {
        try Fixtures.withFolder { folder in
            try picture("\(folder)/3_a/wide.png", width: 192, height: 64)
            try picture("\(folder)/3_a/square.png", width: 64, height: 64)
            let check = DataCheck(path: folder)
            let buckets = BucketSizes(target: PixelSize(width: 128, height: 128), step: 64)
            #expect(check.stepsPerEpoch(batch: 4) == 2)
            #expect(check.stepsPerEpoch(batch: 4, buckets: buckets) == 2)
            #expect(check.stepsPerEpoch(batch: 6) == 1 && check.stepsPerEpoch(batch: 6, buckets: buckets) == 2)
        }
    }

    @Test("hidden files, litter and dead links are no part of a set")
    func litter() throws {
        try Fixtures.withFolder { folder in
            try picture("\(folder)/2_cat/a.png")
            for name in ["._a.png", ".old.png", "Thumbs.db"] { try write("x", "\(folder)/2_cat/\(name)") }
            try picture("\(folder)/2_cat/.ipynb_checkpoints/a.png")
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/2_cat/dead.png", withDestinationPath: "/nowhere/at/all")
            let check = DataCheck(path: folder)
            #expect(check.faults.isEmpty && check.images == 1)
            #expect(try ConceptDataSet(path: folder).images.count == 1)
        }
    }

    @Test("names are bytes: twins by normalisation are two images, Latin-1 names are read")
    func names() throws {
        try Fixtures.withFolder { folder in
            let latin = LocalPath.text(Array("caf".utf8) + [0xE9, 0x30] + Array(".png".utf8))
            for name in ["caf\u{E9}.png", "cafe\u{301}.png", latin] { try picture("\(folder)/2_cat/\(name)") }
            for (name, text) in [("caf\u{E9}.txt", "composed"), ("cafe\u{301}.txt", "decomposed")] {
                try write(text, "\(folder)/2_cat/\(name)")
            }
            let set = try ConceptDataSet(path: folder)
            #expect(set.images.count == 3)
            #expect(Set(set.images.map(\.caption)) == ["composed", "decomposed", "cat"])
            #expect(DataCheck(path: folder).faults.isEmpty)
        }
    }

    @Test("a caption whose name differs by its normalisation belongs to the only such image, and it is told")
    func normalisedCaption() throws {
        try Fixtures.withFolder { folder in
            try picture("\(folder)/2_cat/caf\u{E9}.png")
            try write("a red cat", "\(folder)/2_cat/cafe\u{301}.txt")
            let set = try ConceptDataSet(path: folder)
            #expect(set.images.map(\.caption) == ["a red cat"] && set.isNewlyRead)
            #expect(set.warnings.contains { $0.contains("normalisation") })
            try picture("\(folder)/2_cat/cafe\u{301}.png")
            // Now it has an image of its own, byte for byte.
            #expect(Set(try ConceptDataSet(path: folder).images.map(\.isCaptioned)) == [true, false])
        }
    }

    @Test("a byte-order mark is no part of a caption")
    func byteOrderMark() throws {
        try Fixtures.withFolder { folder in
            try picture("\(folder)/2_cat/a.png")
            try write([0xEF, 0xBB, 0xBF] + Array("a red cat\r\n".utf8), "\(folder)/2_cat/a.txt")
            let set = try ConceptDataSet(path: folder)
            #expect(set.images[0].caption == "a red cat" && set.isNewlyRead)
        }
    }

    @Test(
        "without concepts.yaml trigger and class word are guessed, with a warning",
        arguments: [
            ("10_sks dog", ["a sks dog on grass"], "sks", "dog", true),
            ("10_veko", ["a veko cat sleeping", "veko cat, drawing", "two veko cats"], "veko", "cat", true),
            ("10_cat", ["a cat on grass", "a black cat"], "", "cat", false),
            ("10_veko", ["a cat"], "", "veko", false),
        ])
    func guesses(folderName: String, captions: [String], trigger: String, className: String, isNew: Bool) throws {
        try Fixtures.withFolder { folder in
            for (index, caption) in captions.enumerated() {
                try picture("\(folder)/\(folderName)/\(index).png")
                try write(caption, "\(folder)/\(folderName)/\(index).txt")
            }
            let check = DataCheck(path: folder)
            #expect(check.rows[0].trigger == trigger && check.rows[0].className == className)
            #expect(check.isGuessed && check.isNewlyNamed == isNew && !check.isNewlyRead)
            #expect(check.warnings.contains { $0.contains("class word '\(className)'") && $0.contains("guessed") })
            try write(check.conceptFile(classNames: [folderName: "thing"]), "\(folder)/concepts.yaml")
            let known = DataCheck(path: folder)
            #expect(known.rows[0].className == "thing" && !known.isGuessed)
            #expect(known.rows[0].trigger == (trigger.isEmpty ? known.rows[0].name : trigger))
        }
    }

    @Test("pictures that the first generation read otherwise are told: tall ones, WebP, orientation")
    func newlyRead() throws {
        let pictures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "ImageFilesTests/Fixtures").path
        try Fixtures.withFolder { folder in
            try picture("\(folder)/1_a/wide.png", width: 8, height: 4)
            #expect(!DataCheck(path: folder).isNewlyRead)
            try picture("\(folder)/1_a/tall.png", width: 4, height: 8)
            #expect(DataCheck(path: folder).isNewlyRead)
        }
        for name in ["exif6.png", "lossless.webp", "rgb16.png", "cmyk.jpg", "p3.png", "stray.jpg"] {
            try Fixtures.withFolder { folder in
                try write(try disk.read("\(pictures)/\(name)", limit: 1 << 20), "\(folder)/1_a/\(name)")
                let check = DataCheck(path: folder)
                #expect(check.faults.isEmpty && check.isNewlyRead, "\(name)")
            }
        }
    }
}
