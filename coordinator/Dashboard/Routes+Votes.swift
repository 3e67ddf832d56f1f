import CoordinatorOperations
import Foundation
import HTTPTypes
import Hummingbird
import Ports
import SweepAnalysis
import SweepLedger
import SweepModel
import SweepWire

/// Votes on pairs of pictures.
extension Routes {
    private struct Standing: Encodable, Sendable {
        var job: String
        var place: String
        /// The chance to be preferred to an average one, with its 90 % interval.
        var chance: Double
        var low: Double
        var high: Double
        var votes: Double
        /// How many others it cannot be told from.
        var tied: Int
    }

    private struct Pair: Encodable, Sendable {
        var left: PagePicture
        var right: PagePicture
    }

    private struct Votes: Encodable, Sendable {
        let version = 1
        /// Best first.
        let standings: [Standing]
        let votes: Int
        /// What to ask next; nil where there is nothing to compare.
        let next: Pair?
    }

    private struct Vote: Codable, Sendable {
        struct Side: Codable, Sendable {
            var job: String
            var place: String
        }

        var sweep: String
        /// The two pictures, as they were shown.
        var left: Side
        var right: Side
        var series: String
        var outcome: String
    }

    func addVotes(_ router: Router<CallContext>) {
        mountPage(.votes, on: router) { call in
            try await votes(try call.required("sweep"))
        }
        mountPage(.vote, on: router, scopes: [.submit]) { call in
            let vote = try WireJSON.decode(Vote.self, from: call.body)
            guard let choice = CastVote.Choice(rawValue: vote.outcome) else {
                throw WireError(.badRequest, "outcome: found '\(vote.outcome.prefix(40))', wanted left, right or tie")
            }
            let pictures = try await pictures(vote.sweep).items
            func picture(_ side: Vote.Side) -> PagePicture? {
                pictures.first { $0.job == side.job && $0.place == side.place && $0.series == vote.series }
            }
            guard let left = picture(vote.left), let right = picture(vote.right) else {
                throw WireError(.notFound, "\(vote.sweep.prefix(80)) has no such pictures")
            }
            let verb = CastVote(
                sweep: vote.sweep, actor: call.principal.id, left: VotedPicture(left), right: VotedPicture(right),
                series: left.series, choice: choice, now: operations.wall)
            try await operations.vote(
                verb, principal: call.principal,
                detail: "\(vote.sweep) \(left.job.prefix(8)) \(choice.rawValue) \(right.job.prefix(8))")
            let poll = try await Poll(operations.ledger.votes(sweep: vote.sweep), pictures)
            try await operations.store(poll.scores)
            return try await votes(vote.sweep)
        }
    }

    private func votes(_ sweep: String) async throws -> Response {
        let pictures = try await pictures(sweep).items
        let counts = try await operations.ledger.votes(sweep: sweep)
        let answer = try await BlockingWork.text { () -> Votes in
            let poll = Poll(counts, pictures)
            let order = poll.fit.strengths.indices.sorted { poll.fit.strengths[$0] > poll.fit.strengths[$1] }
            let standings = order.filter { poll.fit.votes[$0] > 0 }.map { item -> Standing in
                let chance = poll.fit.chance(item)
                return Standing(
                    job: poll.items[item].job, place: poll.items[item].place, chance: chance.value, low: chance.low,
                    high: chance.high, votes: poll.fit.votes[item], tied: poll.fit.tied(with: item).count)
            }
            let total = counts.reduce(0) { $0 + $1.leftWins + $1.rightWins + $1.ties }
            return Votes(
                standings: standings, votes: total,
                next: poll.next(number: total).map { Pair(left: $0.0, right: $0.1) })
        }
        return try await Self.json(answer)
    }
}

extension VotedPicture {
    fileprivate init(_ picture: PagePicture) { self.init(job: picture.job, place: picture.place) }
}

/// The votes of a sweep, and what they say of its pictures: of each job those of the newest place.
private struct Poll {
    /// More could not be compared by people.
    private static let most = 200

    let items: [VotedPicture]
    let fit: BradleyTerry
    private let pictures: [VotedPicture: [PagePicture]]

    init(_ counts: [VoteCount], _ all: [PagePicture]) {
        var pictures = Dictionary(grouping: all) { VotedPicture($0) }
        var newest: [String: PagePicture] = [:]
        for picture in all {
            if let known = newest[picture.job], known.step ?? -1 >= picture.step ?? -1 { continue }
            newest[picture.job] = picture
        }
        // What was voted on stays in, though a newer place is there.
        var items = Set(counts.flatMap { [$0.left, $0.right] })
        for picture in newest.values.sorted(by: { $0.job < $1.job }) where items.count < Self.most {
            items.insert(VotedPicture(picture))
        }
        let sorted = items.sorted { ($0.job, $0.place) < ($1.job, $1.place) }
        let index = Dictionary(sorted.enumerated().map { ($0.element, $0.offset) }) { first, _ in first }
        let pairs = counts.compactMap { count -> BradleyTerry.Pair? in
            guard let left = index[count.left], let right = index[count.right] else { return nil }
            return BradleyTerry.Pair(
                left: left, right: right, leftWins: Double(count.leftWins) + Double(count.ties) / 2,
                rightWins: Double(count.rightWins) + Double(count.ties) / 2)
        }
        for item in sorted where pictures[item] == nil { pictures[item] = [] }
        self.items = sorted
        self.pictures = pictures
        fit = BradleyTerry(items: sorted.count, pairs: pairs)
    }

    var scores: [StoreVoteScores.Score] {
        items.indices.filter { fit.votes[$0] > 0 }.map {
            StoreVoteScores.Score(picture: items[$0], value: fit.chance($0).value, votes: Int(fit.votes[$0]))
        }
    }

    /// The two pictures whose comparison tells most, of one prompt. Which stands left, and which prompt it
    /// is, changes with every vote.
    ///
    /// - Parameter number: of votes so far.
    func next(number: Int) -> (PagePicture, PagePicture)? {
        func series(_ item: Int) -> [String: PagePicture] {
            Dictionary((pictures[items[item]] ?? []).map { ($0.series, $0) }) { first, _ in first }
        }
        let all = items.indices.map { series($0) }
        let pair = fit.next { i, j in
            items[i].job != items[j].job && all[i].keys.contains { all[j][$0] != nil }
        }
        guard let pair else { return nil }
        let common = all[pair.0].keys.filter { all[pair.1][$0] != nil }.sorted()
        let chosen = common[number % common.count]
        guard let first = all[pair.0][chosen], let second = all[pair.1][chosen] else { return nil }
        // Neither side is always the better known one.
        let isTurned = ContentDigest.of("\(number) \(first.sha256) \(second.sha256)").text.utf8.first.map {
            $0 % 2 == 0
        }
        return isTurned ?? false ? (second, first) : (first, second)
    }
}
