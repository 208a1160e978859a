"""The games: rules only, one file each. This list is the one to edit when adding a game."""

from __future__ import annotations

from rllib_stackelberg.experiments.tables import register_tables
from rllib_stackelberg.rules.registry import RunDefaults, register_game

_BIMATRIX = "rllib_stackelberg.envs.bimatrix_v0:Bimatrix"
_NAMED = "rllib_stackelberg.envs.bimatrix_v0:NamedBimatrix"
_PAPER = "Brero et al. 2022, arXiv 2210.03852"

register_game(
    "bimatrix",
    _BIMATRIX,
    summary="row player commits, column player responds; matrices from a file or arrays",
    source="von Stackelberg 1934; Conitzer & Sandholm 2006",
    defaults=RunDefaults(max_seconds=60),
)
register_game(
    "escape",
    _NAMED,
    parameters={"named": "escape"},
    summary="3x3 common-interest game with a local trap",
    source=_PAPER,
    defaults=RunDefaults(max_seconds=10),
)
register_game(
    "maintain",
    _NAMED,
    parameters={"named": "maintain"},
    summary="3x3 game in which a mixed commitment pays",
    source=_PAPER,
    defaults=RunDefaults(max_seconds=60),
)
register_game(
    "conitzer",
    _NAMED,
    parameters={"named": "conitzer"},
    summary="2x2 game in which a mixed commitment pays",
    source="Conitzer & Sandholm 2006",
    defaults=RunDefaults(max_seconds=60),
)
register_game(
    "random-bimatrix",
    "rllib_stackelberg.envs.bimatrix_v0:RandomBimatrix",
    summary="row player commits, column player responds; uniform payoffs",
    source="von Stackelberg 1934; Conitzer & Sandholm 2006",
    defaults=RunDefaults(max_seconds=20),
)
register_game(
    "bayesian-bimatrix",
    "rllib_stackelberg.envs.bayesian_bimatrix_v0:BayesianBimatrix",
    summary="row player commits, column players of private types respond",
    source="Conitzer & Sandholm 2006; Paruchuri et al. 2008",
    defaults=RunDefaults(max_seconds=60),
)
register_game(
    "normal-form",
    "rllib_stackelberg.envs.normal_form_v0:NormalFormGame",
    summary="one player commits, the others respond at once; payoffs, a file of Gambit's, or its catalogue",
    source="von Stackelberg 1934; Conitzer & Sandholm 2006",
    defaults=RunDefaults(max_seconds=60),
)
register_game(
    "random-normal-form",
    "rllib_stackelberg.envs.normal_form_v0:RandomNormalForm",
    summary="one player commits, the others respond at once; families of games after GAMUT",
    source="Nudelman, Wortman, Shoham & Leyton-Brown 2004",
    defaults=RunDefaults(max_seconds=60),
)
register_game(
    "matrix-design",
    "rllib_stackelberg.envs.matrix_design_v0:MatrixDesign",
    summary="leader promises payments per outcome of a 2x2 game",
    source="Monderer & Tennenholtz 2004; " + _PAPER,
    defaults=RunDefaults(max_seconds=30),
)
register_game(
    "simple-allocation",
    "rllib_stackelberg.envs.simple_allocation_v0:SimpleAllocation",
    summary="follower sends a message, leader picks an item",
    messages=True,
    source=_PAPER,
    defaults=RunDefaults(max_seconds=30),
)
register_game(
    "interview",
    "rllib_stackelberg.envs.interview_v0:Interview",
    summary="follower sends a message, hears the leader's guess, sends another",
    messages=True,
    source="Aumann & Hart 2003; Forges 1990",
    defaults=RunDefaults(max_seconds=60),
)
register_game(
    "message-spm",
    "rllib_stackelberg.envs.message_spm_v0:MessageSPM",
    summary="buyers send messages, leader sells by a sequence of prices",
    messages=True,
    source=_PAPER,
    defaults=RunDefaults(max_seconds=60),
)
register_game(
    "message-spm-pi",
    "rllib_stackelberg.envs.message_spm_v0:MessageSPMPI",
    summary="message-spm with two buyers of very different values",
    messages=True,
    source="Agrawal et al.; " + _PAPER,
    defaults=RunDefaults(max_seconds=60),
)
register_game(
    "bayesian",
    "rllib_stackelberg.envs.bayesian_v0:Bayesian",
    summary="leader picks the payoffs of a random (or given) Bayesian game",
    source="Harsanyi 1967-68",
    defaults=RunDefaults(max_seconds=30),
)
register_game(
    "iterated-bimatrix",
    "rllib_stackelberg.envs.iterated_bimatrix_v0:IteratedBimatrix",
    summary="leader commits to an answer to the last round of a repeated game",
    source="Axelrod 1984; " + _PAPER,
    defaults=RunDefaults(
        max_seconds=60,
        settings={"followers": "q-learning:rate=0.1,discount=0.9,decay=0.001", "response_updates": 5_000},
    ),
)
register_game(
    "platform-pricing",
    "rllib_stackelberg.envs.platform_pricing_v0:PlatformPricing",
    summary="platform decides which of two learning sellers is shown",
    source="Johnson, Rhodes & Wildenbeest 2023; Brero et al. 2022, Learning to mitigate AI collusion",
    defaults=RunDefaults(
        max_seconds=300,
        settings={"followers": "q-learning", "response_updates": 50_000, "reward_plays": 30},
    ),
)
register_game(
    "pricing",
    "rllib_stackelberg.envs.pricing_v0:Pricing",
    summary="platform posts a policy against sellers that learn to price together",
    source="Calvano, Calzolari, Denicolo & Pastorello 2020; Johnson, Rhodes & Wildenbeest 2023",
    defaults=RunDefaults(
        max_seconds=300,
        settings={
            "followers": "q-learning:rate=0.15,discount=0.95,decay=4e-6,foresight=1",
            "response_updates": 10_000_000,
            "settled_plays": 100_000,
        },
    ),
)
register_game(
    "newsvendor",
    "rllib_stackelberg.envs.newsvendor_v0:Newsvendor",
    summary="supplier posts a wholesale price, retailer answers with order and price",
    source="Liu & Rong 2024, arXiv 2404.00203",
    defaults=RunDefaults(max_seconds=60),
)
register_game(
    "security",
    "rllib_stackelberg.envs.security_v0:Security",
    summary="defender covers targets, attacker of private type attacks one",
    source="Kiekintveld et al. 2009",
    defaults=RunDefaults(max_seconds=120),
)
register_game(
    "menu",
    "rllib_stackelberg.envs.menu_v0:MenuGame",
    summary="seller posts a menu of lotteries and prices, buyer of private values takes the best entry",
    source="Myerson 1981; Manelli & Vincent 2007",
    defaults=RunDefaults(max_seconds=120),
)
register_game(
    "contract",
    "rllib_stackelberg.envs.contract_v0:Contract",
    summary="principal promises payments for outcomes, agent of private type chooses a hidden action",
    source="Grossman & Hart 1983",
    defaults=RunDefaults(max_seconds=60),
)
register_game(
    "team-contract",
    "rllib_stackelberg.envs.contract_v0:TeamContract",
    summary="principal promises several agents payments for the outcome of their hidden actions",
    source="Holmstrom 1982; Winter 2004",
    defaults=RunDefaults(max_seconds=60),
)
register_game(
    "auction",
    "rllib_stackelberg.envs.auction_v0:Auction",
    summary="auctioneer chooses reserve and payment rule, bidders with private values learn to bid",
    source="Vickrey 1961; Myerson 1981",
    exact=False,
    defaults=RunDefaults(max_seconds=120, settings={"followers": "regret-matching-plus"}),
)
register_game(
    "auction-table",
    "rllib_stackelberg.envs.auction_v0:AuctionTable",
    summary="auctioneer chooses shares and payments for every combination of bids",
    source="Myerson 1981",
    defaults=RunDefaults(max_seconds=60, settings={"followers": "regret-matching-plus"}),
)
register_game(
    "posted-prices",
    "rllib_stackelberg.envs.posted_prices_v0:PostedPrices",
    summary="seller visits buyers one after another and posts prices to each",
    source="Brero et al. 2021; Ravindranath et al. 2024",
    defaults=RunDefaults(max_seconds=240),
)
register_game(
    "congestion",
    "rllib_stackelberg.envs.congestion_v0:Congestion",
    summary="city tolls roads, drivers of different values of time choose paths",
    source="Pigou 1920; Beckmann, McGuire & Winsten 1956",
    defaults=RunDefaults(max_seconds=60, settings={"followers": "regret-matching"}),
)
register_game(
    "taxation",
    "rllib_stackelberg.envs.taxation_v0:Taxation",
    summary="government taxes and spends, a population of households saves and works",
    source="Mi et al. 2025, arXiv 2403.12093",
    exact=False,
    # Households save at least half of what they keep, as the paper's do. In a rich economy they have nothing to gain,
    # and the pull breaks the tie (docs/measured/taxation_training.md).
    defaults=RunDefaults(max_seconds=180, settings={"member_low": [0.5, 0.001], "member_pull": 0.3}),
)
register_game(
    "labour-supply",
    "rllib_stackelberg.envs.labour_supply_v0:LabourSupplyGame",
    summary="government sets a tax's progressivity, a population of households works",
    source="Heathcote, Storesletten & Violante 2017",
    defaults=RunDefaults(max_seconds=180, settings={"through_members": True}),
)
register_game(
    "public-investment",
    "rllib_stackelberg.envs.saving_v0:PublicInvestment",
    summary="government invests what it taxes, a population of households saves",
    source="Barro 1990",
    defaults=RunDefaults(max_seconds=180),
)
register_game(
    "output-tax",
    "rllib_stackelberg.envs.saving_v0:OutputTax",
    summary="government spends what it taxes, a population of households saves",
    source="Brock & Mirman 1972",
    defaults=RunDefaults(max_seconds=180),
)
register_game(
    "carbon",
    "rllib_stackelberg.envs.carbon_v0:Carbon",
    summary="government taxes carbon, a population of households saves and uses energy",
    source="Golosov, Hassler, Krusell & Tsyvinski 2014",
    defaults=RunDefaults(max_seconds=180, settings={"through_members": True}),
)
_TREES = {"update_mode": "expected"}

for _name, _source, _summary in (
    ("kuhn-poker", "Kuhn 1950", "a player of three-card poker commits, the other one responds"),
    ("entry-deterrence", "Selten 1978", "incumbent commits to a fight or to peace, entrant stays out or enters"),
    ("bagwell", "Bagwell 1995", "a first mover commits, and its move is not seen"),
    ("centipede", "Rosenthal 1981", "players take turns to take the larger pile or to double both, one commits"),
):
    register_game(
        _name,
        "rllib_stackelberg.envs.extensive_v0:NamedTree",
        parameters={"named": _name},
        summary=_summary,
        source=_source,
        defaults=RunDefaults(max_seconds=60, settings=_TREES),
    )
register_game(
    "extensive",
    "rllib_stackelberg.envs.extensive_v0:Extensive",
    summary="a player of a game tree commits, the others respond; a tree from a file or a catalogue",
    source="Kuhn 1953; Bosansky & Cermak 2015",
    defaults=RunDefaults(max_seconds=60, settings=_TREES),
)
register_game(
    "openspiel",
    "rllib_stackelberg.envs.extensive_v0:OpenSpielGame",
    summary="a player of a small game of OpenSpiel commits, the others respond",
    source="Lanctot et al. 2019, arXiv 1908.09453",
    defaults=RunDefaults(max_seconds=60, settings=_TREES),
)
register_tables("rllib_stackelberg.experiments.paper:TABLES")
