import CoreData
import Foundation
import ImageFiles
import Testing

@Suite("Held-out pictures")
struct HeldOutSplitTests {
    private func names(_ count: Int) -> [String] { (0..<count).map { "4_cat/picture \($0).png" } }

    @Test("the share, at least one and at most half of two or more; none of one", arguments: 1...120)
    func sizes(count: Int) {
        for share in [0.01, 0.1, 0.2, 1.0 / 3, 0.5] {
            for seed in [0, 1, 23, 24, 1_000_003] {
                let split = HeldOutSplit(share: share, seed: seed)
                let places = split.places(in: names(count))
                #expect(Set(places).count == places.count && places.allSatisfy { (0..<count).contains($0) })
                #expect(places.count == split.size(of: count))
                guard count > 1 else {
                    #expect(places == [])
                    continue
                }
                #expect(places.count >= 1 && places.count <= count / 2)
                let isBounded = places.count == 1 || places.count == count / 2
                #expect(isBounded || abs(Double(places.count) - share * Double(count)) <= 0.5)
            }
        }
    }

    @Test("seeds of a small folder take turns: k in a row hold every picture out, once where they divide it")
    func folds() {
        for count in 2..<HeldOutSplit.large {
            for share in [0.1, 0.2, 0.25, 0.5] {
                let split = HeldOutSplit(share: share, seed: 0)
                let folds = split.folds(of: count)
                let size = split.size(of: count)
                for first in [0, 23] {
                    var times: [Int: Int] = [:]
                    for seed in first..<first + folds {
                        for place in HeldOutSplit(share: share, seed: seed).places(in: names(count)) {
                            times[place, default: 0] += 1
                        }
                    }
                    #expect(times.count == count, "\(count) pictures, \(share)")
                    let isExact = size * folds == count
                    #expect(times.values.allSatisfy { isExact ? $0 == 1 : $0 <= 2 }, "\(count) pictures, \(share)")
                }
                #expect(
                    HeldOutSplit(share: share, seed: folds).places(in: names(count))
                        == split.places(in: names(count)))
            }
        }
    }

    @Test("of a large folder the same are held out whatever the seed")
    func large() {
        let names = names(HeldOutSplit.large)
        let first = HeldOutSplit(share: 0.2, seed: 0).places(in: names)
        for seed in 1...9 { #expect(HeldOutSplit(share: 0.2, seed: seed).places(in: names) == first) }
    }

    @Test("names alone decide, not the order in which they are listed, and not numbers in a row")
    func order() {
        let names = names(20)
        let split = HeldOutSplit(share: 0.25, seed: 3)
        let held = Set(split.places(in: names).map { names[$0] })
        let turned = Array(names.reversed())
        #expect(Set(split.places(in: turned).map { turned[$0] }) == held)
        // Five of twenty in a row would be one in about three thousand.
        let places = split.places(in: names).sorted()
        #expect(places != Array(places[0]..<places[0] + 5))
        // A larger share of a large folder holds out what the smaller one did, and more.
        let many = self.names(100)
        let small = HeldOutSplit(share: 0.1, seed: 0).places(in: many)
        #expect(HeldOutSplit(share: 0.3, seed: 0).places(in: many).starts(with: small))
    }

    private func picture(_ path: String) throws {
        let folder = (path as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try PNGFile.write(RGBImage(width: 4, height: 4, fill: .black), to: path)
    }

    @Test("held-out pictures leave training; one picture alone stays, with a remark; wherever the folder lies")
    func sets() throws {
        var held: [[String]] = []
        for depth in ["", "/deep/er"] {
            try Fixtures.withFolder { root in
                let folder = root + depth
                for index in 0..<10 { try picture("\(folder)/3_cat/\(index).png") }
                for index in 0..<4 { try picture("\(folder)/2_dog/\(index).png") }
                try picture("\(folder)/1_fox/a.png")
                let whole = try ConceptDataSet(path: folder)
                #expect(whole.holdingOut(nil).images == whole.images)
                let set = whole.holdingOut(HeldOutSplit(share: 0.2, seed: 1))
                // Folders by name: the fox, the dogs, the cats.
                #expect(set.concepts.map(\.name) == ["fox", "dog", "cat"])
                #expect((0..<3).map { set.images(of: $0).count } == [1, 3, 8])
                #expect((0..<3).map { set.heldOut(of: $0).count } == [0, 1, 2])
                let paths = (set.images + set.validation).map(\.path)
                #expect(Set(paths) == Set(whole.images.map(\.path)) && paths.count == whole.images.count)
                // Concepts take turns, so that the first ones are of all.
                #expect(set.validation.map(\.concept) == [1, 2, 2])
                #expect(set.warnings.filter { $0.contains("1_fox") && $0.contains("held out") }.count == 1)
                held.append(set.validation.map { String($0.path.dropFirst(folder.count)) })

                let check = DataCheck(path: folder, split: HeldOutSplit(share: 0.2, seed: 7))
                #expect(check.rows.map(\.images) == [1, 3, 8] && check.rows.map(\.heldOut) == [0, 1, 2])
                #expect(check.images == 12 && check.samples == 1 + 6 + 24 && check.stepsPerEpoch(batch: 4) == 8)
            }
        }
        #expect(held[0] == held[1])
    }

    @Test("pictures that somebody put aside are the held-out ones of their concept, and no other leaves training")
    func validationFolder() throws {
        try Fixtures.withFolder { folder in
            for index in 0..<10 { try picture("\(folder)/3_cat/\(index).png") }
            for index in 0..<10 { try picture("\(folder)/2_dog/\(index).png") }
            for index in 0..<3 { try picture("\(folder)/validation/1_cat/\(index).png") }
            let set = try ConceptDataSet(path: folder).holdingOut(HeldOutSplit(share: 0.2, seed: 0))
            #expect(set.concepts.map(\.name) == ["dog", "cat"])
            #expect((0..<2).map { set.images(of: $0).count } == [8, 10])
            #expect((0..<2).map { set.heldOut(of: $0).count } == [2, 3])
            #expect(set.validation.prefix(3).allSatisfy { $0.path.contains("/validation/") })
        }
        // Directly in the folder they are the only concept's, and of several nobody's.
        try Fixtures.withFolder { folder in
            for index in 0..<10 { try picture("\(folder)/3_cat/\(index).png") }
            try picture("\(folder)/validation/a.png")
            let split = HeldOutSplit(share: 0.2, seed: 0)
            #expect(try ConceptDataSet(path: folder).holdingOut(split).images.count == 10)
            try picture("\(folder)/1_dog/a.png")
            let both = try ConceptDataSet(path: folder).holdingOut(split)
            #expect(both.validation.map(\.concept) == [-1, 1, 1])
        }
    }
}
